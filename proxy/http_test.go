package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/web"
)

func withHTTP(c *Config) { c.HTTPBind = httpBind }

// get asks the HTTP side.
func (r *rig) get(path string) (status int, text string) {
	r.t.Helper()
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.http.Dial(ctx) }}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: 20 * time.Second}).Get("http://proxy" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (r *rig) wantHTTP(path string, status int, text string) {
	r.t.Helper()
	if s, got := r.get(path); s != status || !strings.Contains(got, text) {
		r.t.Errorf("%s: %d %q, want %d %q", path, s, got, status, text)
	}
}

// TestReady: a proxy is ready while requests are answered or held, and says why.
func TestReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, withHTTP)
		defer r.stop()
		synctest.Wait()
		r.wantHTTP("/readyz", 503, "cache: no master has been connected to yet: no server has been connected to yet")
		r.view.set("a")
		synctest.Wait()
		r.wantHTTP("/readyz", 200, "cache: master a:6379, 1 of 1 Sentinels answer")
		r.view.mu.Lock()
		r.view.silent = true
		r.view.mu.Unlock()
		r.wantHTTP("/readyz", 200, "master a:6379; no Sentinel answers, so the last verified master stays in use")
		c := r.connect()
		c.send("GET k")
		c.want("+GET k")
		r.servers["a"].kill()
		synctest.Wait()
		r.wantHTTP("/readyz", 200, "cache: no master, requests are held: a:6379: it has closed the connection")
		time.Sleep(defaultHold)
		r.wantHTTP("/readyz", 503, "cache: no master for 15s, requests are refused: a")
		r.view.set("b")
		time.Sleep(2 * confirmTime)
		r.wantHTTP("/readyz", 200, "cache: master b:6379")
		r.wantHTTP("/livez", 200, "ok")
		r.wantHTTP("/nothing", 404, "")
	})
}

// TestLive: a worker that does not work is found, and what asks for it does not pile up.
func TestLive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, withHTTP)
		defer r.stop()
		r.view.set("a")
		synctest.Wait()
		stuck := make(chan struct{})
		w := r.p.workers[0]
		w.post(func() { <-stuck })
		for range 5 {
			r.wantHTTP("/livez", 503, "a worker does not work")
			r.wantHTTP("/readyz", 503, "a worker does not work")
		}
		w.mu.Lock()
		if n := len(w.mail); n > 2 {
			t.Errorf("%d questions wait for the worker", n)
		}
		w.mu.Unlock()
		close(stuck)
		synctest.Wait()
		r.wantHTTP("/livez", 200, "ok")
	})
}

// TestMetrics: /metrics has the counts and a histogram, and clients add no series.
func TestMetrics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, withHTTP)
		defer r.stop()
		r.servers["a"].delay = func(w []string) time.Duration {
			if w[0] == "GET" {
				return 3 * time.Millisecond
			}
			return 0
		}
		r.view.set("a", "b")
		synctest.Wait()
		_, before := r.get("/metrics")
		for i := range 20 {
			c := r.connect()
			c.send("GET k", fmt.Sprintf("NOSUCH%d x", i), fmt.Sprintf("CLIENT SETNAME n%d", i), "BLPOP l 0")
			c.want("+GET k", "+NOSUCH...", "+CLIENT...", "+BLPOP l 0")
			c.nc.Close()
		}
		synctest.Wait()
		time.Sleep(time.Second) // a text is shared by those who ask for it at about the same time
		_, after := r.get("/metrics")
		if a, b := strings.Count(before, "\n"), strings.Count(after, "\n"); a != b {
			t.Errorf("%d lines have become %d", a, b)
		}
		for _, want := range []string{
			"# TYPE gosentinel_proxy_connections_accepted_total counter\ngosentinel_proxy_connections_accepted_total 20\n",
			`gosentinel_proxy_master_known{master="cache"} 1`, `gosentinel_proxy_replicas{master="cache"} 1`, `gosentinel_proxy_sentinels_answering{master="cache"} 1`,
			`gosentinel_proxy_clients{listener="front:1"} 0`,
			`gosentinel_proxy_request_seconds_bucket{listener="front:1",le="0.002"} 40`, // the unknown commands, and what followed them
			`gosentinel_proxy_request_seconds_bucket{listener="front:1",le="0.005"} 60`,
			`gosentinel_proxy_request_seconds_count{listener="front:1"} 60`, `gosentinel_proxy_request_seconds_sum{listener="front:1"} 0.06`,
		} {
			if !strings.Contains(after, want) {
				t.Errorf("/metrics lacks %s\n%s", want, after)
			}
		}
	})
}

// TestScraperNeverReads: one that asks again and again and takes nothing is cut, and clients
// and other scrapers are served.
func TestScraperNeverReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, withHTTP)
		defer r.stop()
		r.view.set("a")
		synctest.Wait()
		for range 2 * web.MaxConns {
			conn, err := r.http.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() {
				_, _ = io.WriteString(conn, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200))
			}()
		}
		c := r.connect()
		c.send("GET k")
		c.want("+GET k")
		start := time.Now()
		r.wantHTTP("/livez", 200, "ok")
		if took := time.Since(start); took > time.Second {
			t.Errorf("a scraper waited %v", took)
		}
	})
}

// TestHTTPReload: the address comes, goes, and is given up when another process takes over.
func TestHTTPReload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.view.set("a")
		synctest.Wait()
		next := *r.cfg
		next.HTTPBind = httpBind
		if err := r.p.Reload(&next); err != nil {
			t.Fatal(err)
		}
		r.wantHTTP("/livez", 200, "ok")
		if err := r.p.Reload(&next); err != nil {
			t.Fatal(err)
		}
		r.wantHTTP("/livez", 200, "ok")
		r.p.Drain()
		r.p.Drain()
		if _, err := r.http.Dial(t.Context()); err == nil {
			t.Error("it is served while another process takes over")
		}
	})
}
