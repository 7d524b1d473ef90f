package console

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gosentinel/sentinel/internal/web"
)

var screenshots = flag.String("screenshots", "", "directory for pictures of the page, which Chromium takes; empty: it is not asked")

// html returns a page without the layout around it.
func html(t *testing.T, st *Status, number int) string {
	t.Helper()
	p, err := st.page(number)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, part := range p.Parts {
		b.WriteString(string(part.HTML))
	}
	return b.String()
}

func TestPage(t *testing.T) {
	for name, c := range map[string]struct {
		status *Status
		has    []string
		not    []string
	}{
		"well":      {of(well("orders")), []string{"<h1>All is well: orders</h1>", "✔ well", "in step", "52.0 kB behind", "priority 50", "<details open>"}, []string{"✖", "⚠"}},
		"failover":  {failingOver(), []string{"▶ failing over", "▶ promotion, now", "✔ election <span class=\"soft\">6ms</span>", "Led by this Sentinel", "is being promoted", "voted for cccccccc in epoch 8"}, nil},
		"no quorum": {noQuorum(), []string{"1 of 3 Sentinels reachable: a failover needs 2.", "✖ not reachable", "The last attempts", "1 grave problem, 2 warnings", "new disks"}, nil},
		"none":      {of(), []string{"All is well: 0 groups"}, nil},
	} {
		text := html(t, c.status, 1)
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, text)
			}
		}
		for _, bad := range c.not {
			if strings.Contains(text, bad) {
				t.Errorf("%s: there is %q", name, bad)
			}
		}
	}
}

// TestPages: many groups are folded, spread over pages, and a problem leads to its page.
func TestPages(t *testing.T) {
	st := many(300)
	st.Groups[299].Problems = []Problem{{st.Groups[299].Name, true, "It burns."}}
	st.Problems = append(st.Problems, st.Groups[299].Problems...)
	one, two := html(t, st, 1), html(t, st, 2)
	if n := strings.Count(one, "<details>"); n != pageGroups-1 {
		t.Errorf("%d groups are folded on page 1", n)
	}
	if n := strings.Count(two, "<details"); n != 300-pageGroups {
		t.Errorf("%d groups are on page 2", n)
	}
	id := partID(st.Groups[299].Name)
	if link := `<a href="?page=2#` + id + `">group-299</a>: It burns.`; !strings.Contains(one, link) || !strings.Contains(two, `<a href="#`+id+`">`) {
		t.Errorf("the problem does not lead to its group: %s", one[:2000])
	}
	if strings.Index(one, "It burns") > strings.Index(one, "2 of 3 Sentinels") {
		t.Error("the worst does not come first")
	}
	if _, err := st.page(3); !errors.Is(err, web.ErrNoPage) {
		t.Errorf("page 3: %v", err)
	}
}

// TestHostileTexts: texts of others are never read as HTML.
func TestHostileTexts(t *testing.T) {
	text := html(t, hostile(), 1)
	for _, bad := range []string{"<script", "<img", `onerror="`, "document.title='hacked'"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q has come through", bad)
		}
	}
	if !strings.Contains(text, "&lt;script&gt;") {
		t.Error("the texts are not there at all")
	}
}

// TestSignals: what is good or bad is said by a sign or a word, and not by colour alone.
func TestSignals(t *testing.T) {
	colours := regexp.MustCompile(`<span class="(good|warn|bad)">([^<]*)<`)
	boxes := regexp.MustCompile(`(?s)<(?:li|div) class="box (isbad|iswarn)">(.*?)</(?:li|div)>`)
	for _, st := range []*Status{of(well("a")), failingOver(), noQuorum(), many(20)} {
		text := html(t, st, 1)
		for _, m := range colours.FindAllStringSubmatch(text, -1) {
			if !strings.ContainsAny(m[2], "✔✖⚠▶") {
				t.Errorf("%q is told by its colour", m[0])
			}
		}
		for _, m := range boxes.FindAllStringSubmatch(text, -1) {
			if !strings.ContainsAny(m[2], "✖⚠") && !strings.Contains(m[2], "cannot be promoted") {
				t.Errorf("%q is told by its colour", m[0])
			}
		}
	}
}

// TestScreenshots has Chromium show the samples, as a browser does with scripts and
// events, on a phone and on a desk.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("needs Chromium: make screenshots")
	}
	dir, err := filepath.Abs(*screenshots)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, st := range map[string]*Status{
		"healthy": of(well("orders"), well("carts"), well("sessions")), "failover": failingOver(), "no-quorum": noQuorum(), "groups": many(200), "hostile": hostile(),
	} {
		url := show(t, st)
		for size, window := range map[string]string{"phone": "400,1600", "desk": "1200,1000"} {
			chromium(t, "--window-size="+window, "--screenshot="+filepath.Join(dir, name+"-"+size+".png"), url)
		}
		dom := chromium(t, "--dump-dom", url)
		const live = `role="status">Up to date. `
		// It may have been sent, and the script not have been told yet.
		for end := time.Now().Add(2 * time.Minute); !strings.Contains(dom, live) && time.Now().Before(end); {
			dom = chromium(t, "--dump-dom", url)
		}
		if !strings.Contains(dom, live) {
			t.Errorf("%s: the script of the page, or its events, did not work", name)
		}
		if strings.Contains(dom, "<title>hacked</title>") || strings.Count(dom, "<script") != 1 || strings.Contains(dom, "<img") {
			t.Errorf("%s: a text was taken for HTML", name)
		}
	}
	t.Log("look at the pictures in " + dir)
}

// show serves a status until the test ends. A page is complete only when its script has got an
// event: Chromium takes its picture then, and on a busy machine that would be too early.
func show(t *testing.T, st *Status) (url string) {
	yes := func(context.Context) web.Verdict { return web.Verdict{OK: true} }
	pages := web.Handler(web.Site{Name: "gosentinel", Live: yes, Ready: yes, Metrics: prometheus.NewRegistry(), Page: func(_ context.Context, n int) (web.Page, error) { return st.page(n) }}, web.Everybody)
	event := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			pages.ServeHTTP(&announced{ResponseWriter: w, event: event}, r)
			return
		}
		page := httptest.NewRecorder()
		pages.ServeHTTP(page, r)
		maps.Copy(w.Header(), page.Header())
		text, end := bytes.CutSuffix(page.Body.Bytes(), []byte("</html>\n"))
		if !end {
			t.Error("the page has another end")
		}
		select {
		case <-event: // of the page before
		default:
		}
		_, _ = w.Write(text)
		_ = http.NewResponseController(w).Flush() // or the event does not come in time
		select {
		case <-event:
		case <-time.After(30 * time.Second):
		}
		_, _ = w.Write([]byte("</html>\n"))
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL + "/"
}

// announced tells of each event when it has been sent.
type announced struct {
	http.ResponseWriter
	event chan<- struct{}
}

func (a *announced) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *announced) FlushError() error {
	err := http.NewResponseController(a.ResponseWriter).Flush()
	select {
	case a.event <- struct{}{}:
	default:
	}
	return err
}

func chromium(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir=" + t.TempDir()}, args...)
	out, err := exec.CommandContext(ctx, "chromium", args...).Output()
	if err != nil {
		t.Fatalf("chromium %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
