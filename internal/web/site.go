package web

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Site is what a program shows. Its functions may be called at any time and by several
// goroutines, and must return soon after their context has ended.
type Site struct {
	// Name of the program, such as "gosentinel".
	Name string
	// Live says whether the program works at all. If it does not, a supervisor should
	// restart it.
	Live func(context.Context) Verdict
	// Ready says whether the program does its work now.
	Ready func(context.Context) Verdict
	// Metrics are what /metrics shows.
	Metrics prometheus.Gatherer
	// Status is what /status shows, as a value for encoding/json.
	Status func(context.Context) (any, error)
	// Page returns a page for people, by its number from 1 on. The error is [ErrNoPage]
	// if there are fewer. Nil: there are none.
	Page func(ctx context.Context, number int) (Page, error)
}

// Verdict is an answer of yes or no.
type Verdict struct {
	OK bool
	// Text says why, in one or more lines. "" stands for "ok".
	Text string
}

// Page is what people see.
type Page struct {
	Title string // of the window; says in a few words how things are
	// Parts are shown one below the other, after [Clean]. A part that has changed is sent to those who
	// look at the page.
	Parts []Part
}

// Part is a part of a page. An ID is a word of letters, digits and hyphens that no
// other part of the page has. The HTML must not have been written by others.
type Part struct {
	ID   string
	HTML template.HTML
}

// ErrNoPage says that there is no page with this number.
var ErrNoPage = errors.New("there is no such page")

const (
	answerTimeout = 2 * time.Second // in which a site has to say what it shows
	maxPages      = 1000
)

// shown is a site that is being served.
type shown struct {
	Site
	access  func() Access
	metrics *Fresh[[]byte]
	status  *Fresh[[]byte]

	mu    sync.Mutex
	pages map[int]*Fresh[rendered]

	viewers chan struct{} // has a token for each stream of events
}

// Handler returns the pages of a site, from / on. They are for reading only. A program
// that mounts them elsewhere strips the prefix of its own. access is asked at each request.
func Handler(site Site, access func() Access) http.Handler {
	s := &shown{Site: site, access: access, pages: map[int]*Fresh[rendered]{}, viewers: make(chan struct{}, maxViewers)}
	s.metrics = &Fresh[[]byte]{Age: metricsAge, Make: s.gather}
	s.status = &Fresh[[]byte]{Age: pageAge, Make: s.statusText}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.probe(site.Live))
	mux.HandleFunc("GET /readyz", s.probe(site.Ready))
	mux.HandleFunc("GET /metrics", s.restricted(s.serveMetrics))
	mux.HandleFunc("GET /status", s.restricted(s.serveStatus))
	if site.Page != nil {
		mux.HandleFunc("GET /events", s.restricted(s.serveEvents))
		mux.HandleFunc("GET /{$}", s.restricted(s.servePage))
	}
	return mux
}

// probe answers a supervisor. Whoever has not logged in learns the verdict alone.
func (s *shown) probe(ask func(context.Context) Verdict) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		v := ask(ctx)
		text := v.Text
		switch {
		case s.access().allows(r) && text != "":
		case v.OK:
			text = "ok\n"
		default:
			text = "not ok; log in to see why\n"
		}
		text = Clean(text)
		plain(w)
		if !v.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(text))
	}
}

func (s *shown) serveStatus(w http.ResponseWriter, r *http.Request) {
	text, err := s.status.Get(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	send(w, "application/json", text)
}

func (s *shown) statusText(ctx context.Context) ([]byte, error) {
	v, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// restricted lets only those in who may look.
func (s *shown) restricted(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a := s.access(); !a.allows(r) {
			a.challenge(w)
			return
		}
		f(w, r)
	}
}

func head(w http.ResponseWriter, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// send sends a whole answer. With its length known it leaves in one piece.
func send(w http.ResponseWriter, kind string, text []byte) {
	head(w, kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}

func plain(w http.ResponseWriter) { head(w, "text/plain; charset=utf-8") }

func fail(w http.ResponseWriter, status int, err error) {
	plain(w)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(err.Error() + "\n"))
}

// pageNumber returns the number of the page that a request asks for.
func pageNumber(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPages {
		return 0, ErrNoPage
	}
	return n, nil
}

// page returns a page that is at most a second old.
func (s *shown) page(ctx context.Context, number int) (rendered, error) {
	s.mu.Lock()
	p := s.pages[number]
	if p == nil {
		p = &Fresh[rendered]{Age: pageAge, Make: func(ctx context.Context) (rendered, error) {
			page, err := s.Page(ctx, number)
			if err != nil {
				return rendered{}, err
			}
			return s.render(page)
		}}
		s.pages[number] = p
	}
	s.mu.Unlock()
	return p.Get(ctx)
}
