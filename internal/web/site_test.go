package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// sample is a site whose parts a test changes.
type sample struct {
	mu          sync.Mutex // for tests that change it while it is shown
	live, ready Verdict
	status      any
	pages       []Page
	made        int
	err         error
}

// change changes it while it is shown.
func (s *sample) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *sample) site() Site {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sample", Help: "Help."}, func() float64 { s.made++; return 1 }))
	return Site{
		Name:    "sample",
		Live:    func(context.Context) Verdict { return s.live },
		Ready:   func(context.Context) Verdict { return s.ready },
		Metrics: reg,
		Status:  func(context.Context) (any, error) { s.made++; return s.status, s.err },
		Page: func(_ context.Context, n int) (Page, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.made++
			switch {
			case s.err != nil:
				return Page{}, s.err
			case n > len(s.pages):
				return Page{}, ErrNoPage
			}
			return s.pages[n-1], nil
		},
	}
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	s := &sample{live: Verdict{OK: true}, ready: Verdict{Text: "not ready: \x1b[2Jthe \u202edisk is full\n"}, status: map[string]int{"a": 1}, pages: []Page{{Title: "All is <well>", Parts: []Part{{"one", "<p>1</p>"}}}}}
	h := Handler(s.site(), Everybody)
	for _, c := range []struct {
		path   string
		status int
		has    string
	}{
		{"/livez", 200, "ok\n"},
		{"/readyz", 503, "not ready: \ufffd[2Jthe \ufffddisk is full\n"},
		{"/status", 200, "{\n  \"a\": 1\n}\n"},
		{"/metrics", 200, "# HELP sample Help.\n# TYPE sample gauge\nsample 1\n"},
		{"/", 200, "<title>All is &lt;well&gt;</title>"},
		{"/", 200, `<section id="one" data-v="`},
		{"/?page=2", 404, "no such page"},
		{"/?page=-1", 404, "no such page"},
		{"/?page=99999999999999999999", 404, "no such page"},
		{"/events?page=x", 404, "no such page"},
		{"/else", 404, ""},
	} {
		if w := get(h, c.path); w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s: %d %q, want %d and %q", c.path, w.Code, w.Body, c.status, c.has)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/status", strings.NewReader("x")))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	s.err = errors.New("stuck")
	for _, path := range []string{"/status", "/"} {
		if w := get(Handler(s.site(), Everybody), path); w.Code != 503 || !strings.Contains(w.Body.String(), "stuck") {
			t.Errorf("%s while the program is stuck: %d %q", path, w.Code, w.Body)
		}
	}
	if policy := get(h, "/").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page may load or run what is not its own: %q", policy)
	}
}

// TestPagesAreShared: what many ask for at one time is made once.
func TestPagesAreShared(t *testing.T) {
	for _, path := range []string{"/metrics", "/status", "/"} {
		s := &sample{pages: []Page{{}}}
		h := Handler(s.site(), Everybody)
		for range 50 {
			get(h, path)
		}
		if s.made == 0 || s.made > 5 {
			t.Errorf("%s was made %d times for 50 who asked in a row", path, s.made)
		}
	}
}

func TestAccess(t *testing.T) {
	s := &sample{live: Verdict{OK: true, Text: "alive\n"}, ready: Verdict{Text: "not ready: secret reason\n"}, pages: []Page{{}}}
	both := Access{User: "ops", Password: "pa:ss", Token: "t0k"}
	for _, c := range []struct {
		access Access
		given  string // Authorization
		open   bool
	}{
		{Access{}, "", true},
		{both, "", false},
		{both, "Basic " + basic("ops", "pa:ss"), true},
		{both, "Basic " + basic("ops", "pass"), false},
		{both, "Basic " + basic("else", "pa:ss"), false},
		{both, "Basic " + basic("ops", ""), false},
		{both, "Basic %%%", false},
		{both, "Bearer t0k", true},
		{both, "bearer t0k", true},
		{both, "Bearer t0", false},
		{both, "Bearer", false},
		{Access{Password: "p"}, "Basic " + basic("anybody", "p"), true},
		{Access{Password: "p"}, "Bearer ", false},
		{Access{Token: "t"}, "Basic " + basic("", ""), false},
		{Access{Token: "t"}, "Bearer t", true},
	} {
		h := Handler(s.site(), func() Access { return c.access })
		for _, path := range []string{"/", "/metrics", "/status", "/events?page=2"} {
			w := get(h, path, "Authorization", c.given)
			if open := w.Code != 401; open != c.open {
				t.Errorf("%v, Authorization %q: %s says %d", c.access, c.given, path, w.Code)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%v: %s does not say how to log in", c.access, path)
			}
			if path == "/events?page=2" && c.open {
				break
			}
		}
		// Supervisors get their answer in any case, and reasons are for those who have
		// logged in.
		if w := get(h, "/livez", "Authorization", c.given); w.Code != 200 {
			t.Errorf("%v: /livez says %d", c.access, w.Code)
		}
		w := get(h, "/readyz", "Authorization", c.given)
		if told := strings.Contains(w.Body.String(), "secret"); w.Code != 503 || told != c.open {
			t.Errorf("%v, Authorization %q: /readyz says %d %q", c.access, c.given, w.Code, w.Body)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", both, both, both); strings.Contains(text, "pa:ss") || strings.Contains(text, "t0k") {
		t.Errorf("printed: %s", text)
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}
