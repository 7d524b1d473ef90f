package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// shown starts the usual group, whose first Sentinel has http-port and these lines.
func (e *env) shown(port int, lines ...string) *cluster.Group {
	top := usual
	top.EachSentinelConf = func(i int) []string {
		if i > 0 {
			return nil
		}
		return append([]string{fmt.Sprint("http-port ", port)}, lines...)
	}
	return e.start(top)
}

// onlookers are connections that ask for pages and never read.
type onlookers []net.Conn

// come has n more ask for a page, three times each.
func (o *onlookers) come(e *env, addr, path string, n int) {
	e.Helper()
	for range n {
		nc, err := net.Dial("tcp", addr)
		e.must(err)
		*o = append(*o, nc)
		e.must(nc.(*net.TCPConn).SetReadBuffer(4096))
		// It may have been cut by now, for one who came later.
		_, _ = io.WriteString(nc, strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: sentinel\r\n\r\n", 3))
	}
}

func (o *onlookers) leave() {
	for _, nc := range *o {
		_ = nc.Close()
	}
	*o = nil
}

// TestPageCrowd: a thousand who look at the page and scrapers, none of whom reads, keep
// neither the Sentinel from its work nor a supervisor from its answer, and take no more
// memory and descriptors than there are connections for.
func TestPageCrowd(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	port, err := e.c.Port()
	e.must(err)
	g := e.shown(port)
	s := g.Sentinels[0]
	c := &crowd{env: e, s: s}
	c.memory("before")
	files := func() int {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
		if os.IsNotExist(err) {
			return 0
		}
		e.must(err)
		return len(list)
	}
	before, stop := files(), c.bystander()

	addr := fmt.Sprint("127.0.0.1:", port)
	var o onlookers
	defer o.leave()
	for range 10 { // in turns, so that there are some of each kind at the end
		o.come(e, addr, "/events", 50)
		o.come(e, addr, "/", 50)
		o.come(e, addr, "/status", 10)
		o.come(e, addr, "/metrics", 10)
	}
	c.memory("1,000 who look, and 200 scrapers")
	// Those that were cut are closed a moment later.
	e.until("no more descriptors than there are connections for", func(context.Context) (string, bool) {
		n := files()
		return fmt.Sprintf("%d, %d before", n, before), n <= before+128+10
	})
	for _, path := range []string{"/livez", "/readyz"} {
		e.until(path+" to be answered", func(context.Context) (string, bool) {
			status, text := e.page("http://" + addr + path)
			return fmt.Sprint(status, " ", text), status == 200
		})
	}
	old := g.Servers[0]
	old.Kill()
	e.newMaster(g, old)
	stop()
	if n := e.c.Events().Count(cluster.Named("+tilt")); n > 0 {
		t.Errorf("the Sentinel itself was disturbed: %v", e.c.Events().All())
	}
	o.leave()
	_, text := e.page("http://" + addr + "/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "gosentinel_loop_stall_seconds_max ") {
			t.Log(strings.TrimSpace(line))
		}
	}
	c.memory("at the end")
	if peak := peakMemory(t, s.PID()); peak > 384<<20 {
		t.Errorf("the daemon grew to %d MB", peak>>20)
	}
	e.until("the descriptors to be given back", func(context.Context) (string, bool) { n := files(); return fmt.Sprint(n), n <= before+10 })
}

// TestPageLogin: over HTTPS, the page asks for a password or a token; supervisors get
// their answer without, but not the reasons.
func TestPageLogin(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	port, err := e.c.Port()
	e.must(err)
	ca := testcert.NewAuthority(t, "test")
	cert := ca.Write(t, t.TempDir(), "page")
	e.shown(port, "http-tls yes", "tls-cert-file "+cert.Cert, "tls-key-file "+cert.Key, "http-user watch", "http-password secret", "http-token t0ken")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: "page.example"}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(path string, login func(*http.Request)) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(e.ctx, "GET", fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
		e.must(err)
		login(req)
		resp, err := client.Do(req)
		e.must(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		e.must(err)
		return resp.StatusCode, string(text), resp.Header
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	logins := []struct {
		name string
		as   func(*http.Request)
		in   bool
	}{
		{"nobody", func(*http.Request) {}, false},
		{"the password", basic("watch", "secret"), true},
		{"the token", bearer("t0ken"), true},
		{"another user", basic("root", "secret"), false},
		{"a wrong password", basic("watch", "wrong"), false},
		{"no password", basic("watch", ""), false},
		{"the password as token", bearer("secret"), false},
		{"no token", bearer(""), false},
	}
	for _, l := range logins {
		for _, path := range []string{"/", "/metrics", "/status", "/events"} {
			if l.in && path == "/events" {
				continue // it would not end
			}
			status, text, head := get(path, l.as)
			if l.in != (status == 200) || !l.in && (status != 401 || strings.Contains(text, "mymaster") || head.Get("WWW-Authenticate") == "") {
				t.Errorf("%s for %s: %d %s", path, l.name, status, text)
			}
		}
		for _, path := range []string{"/livez", "/readyz"} {
			status, text, _ := get(path, l.as)
			if status != 200 || !l.in && text != "ok\n" {
				t.Errorf("%s for %s: %d %s", path, l.name, status, text)
			}
		}
	}
	if status, text := e.page(fmt.Sprintf("http://127.0.0.1:%d/livez", port)); status == 200 || strings.Contains(text, "ready") {
		t.Errorf("without TLS: %d %s", status, text)
	}
}

// TestPagePortTaken: where http-port is taken the log says so, and the Sentinel works. As
// soon as the port is free the page is there.
func TestPagePortTaken(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	other := e.fake(drain)
	g := e.shown(other.port())
	s := g.Sentinels[0]
	old := g.Servers[0]
	old.Kill()
	e.newMaster(g, old)
	log, err := s.Log()
	e.must(err)
	if n := strings.Count(log, fmt.Sprintf("status page are not served: 127.0.0.1:%d: bind: Address already in use", other.port())); n != 1 {
		t.Errorf("the log says so %d times:\n%s", n, log)
	}
	begun := time.Now()
	other.close()
	e.until("the page", func(context.Context) (string, bool) {
		status, text := e.page(fmt.Sprintf("http://127.0.0.1:%d/readyz", other.port()))
		return fmt.Sprint(status, " ", text), status == 200
	})
	t.Logf("the page was there %v after the port became free", time.Since(begun).Round(time.Millisecond))
}
