package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// watcher starts a Sentinel that watches several masters, by name and port.
func (e *env) watcher(name string, masters map[string]int, lines ...string) *cluster.Sentinel {
	e.Helper()
	own, err := e.c.Port()
	e.must(err)
	lines = append([]string{"bind 127.0.0.1", fmt.Sprint("port ", own)}, lines...)
	for m, port := range masters {
		lines = append(lines, fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", m, port), "sentinel down-after-milliseconds "+m+" 1000")
	}
	s, err := e.c.StartSentinel(cluster.NodeSpec{Name: name, Port: own, Conf: strings.Join(lines, "\n") + "\n"})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	return s
}

// linkLines returns what the log of a Sentinel says about the link to a master.
func (e *env) linkLines(s *cluster.Sentinel, master string) []string {
	e.Helper()
	log, err := s.Log()
	e.must(err)
	var lines []string
	for line := range strings.Lines(log) {
		if _, text, ok := strings.Cut(line, "Link to master "+master+" "); ok {
			lines = append(lines, strings.TrimSpace(text))
		}
	}
	return lines
}

// says demands that a Sentinel says once, in its log and in its replies, why a
// master cannot be reached, although it is tried again and again.
func (e *env) says(s *cluster.Sentinel, master, why string) {
	e.Helper()
	e.until(s.Name()+" to see "+master+" as down and to say why", func(ctx context.Context) (string, bool) {
		m, err := s.Master(ctx, master)
		lines := e.linkLines(s, master)
		return fmt.Sprint(m["flags"], err, lines), strings.Contains(m["flags"], "s_down") && len(lines) > 0
	})
	lines := e.linkLines(s, master)
	if len(lines) != 1 || !strings.Contains(lines[0], why) {
		e.Errorf("%s about %s: %q, want one line with %q", s.Name(), master, lines, why)
	}
	stock, err := s.Client().Do(e.ctx, "SENTINEL", "MASTER", master).StringSlice()
	e.must(err)
	last := len(stock)
	// In the first millisecond the age is 0.
	e.until(s.Name()+" to show why for a while", func(ctx context.Context) (string, bool) {
		more, err := s.Client().Do(ctx, "SENTINEL", "MASTER", master, "EXTENDED").StringSlice()
		e.must(err)
		if len(more) < last+4 || more[0] != stock[0] || more[last-2] != stock[last-2] { // options that stock does not have follow
			e.Fatalf("%s: MASTER %s EXTENDED is %q, and without the word %q", s.Name(), master, more, stock)
		}
		since, err := strconv.Atoi(more[last+3])
		if more[last] != "link-error" || !strings.Contains(more[last+1], why) || more[last+2] != "link-error-since" || err != nil || since < 0 {
			e.Fatalf("%s: MASTER %s EXTENDED ends with %q", s.Name(), master, more[last:])
		}
		return more[last+3], since > 0
	})
}

// Whatever keeps a connection from coming up is named, once for each server and
// cause, in the log and in EXTENDED. The servers are real.
func TestWhyAConnectionFails(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	ca := testcert.NewAuthority(t, "test")
	files := ca.Write(t, t.TempDir(), "server")
	foreign := testcert.NewAuthority(t, "foreign").Write(t, t.TempDir(), "client")
	certs := fmt.Sprintf("tls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s", files.Cert, files.Key, files.CA)
	port := func() int {
		p, err := e.c.Port()
		e.must(err)
		return p
	}
	server := func(name string, lines ...string) *cluster.Server {
		p := port()
		s, err := e.c.StartServer(cluster.NodeSpec{Name: name, Port: p, Conf: cluster.ServerConf(p, lines...)})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		return s
	}
	encrypted := port()
	server("encrypted", fmt.Sprint("tls-port ", encrypted), certs)
	plain := server("plain")
	open := server("open", "user default on nopass ~* &* +@all -info")
	locked := server("locked")
	e.must(locked.Client().ConfigSet(e.ctx, "requirepass", "secret").Err())
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)

	nobody := port()
	bare := e.watcher("bare", map[string]int{
		"tls": encrypted, "gone": nobody, "web": web.Listener.Addr().(*net.TCPAddr).Port, "locked": locked.Port(),
	})
	wrapped := e.watcher("wrapped", map[string]int{"plain": plain.Port()}, "tls-replication yes", certs)
	alien := e.watcher("alien", map[string]int{"strict": encrypted}, "tls-replication yes",
		"tls-ca-cert-file "+files.CA, "tls-cert-file "+foreign.Cert, "tls-key-file "+foreign.Key)
	six := e.watcher("six", map[string]int{"v4": plain.Port()}, "bind-source-addr ::1")
	e.says(bare, "tls", "set tls-replication yes")
	e.says(bare, "gone", "connection refused (is the server running")
	e.says(bare, "web", "this is an HTTP server")
	e.says(bare, "locked", "CLIENT SETNAME was refused: NOAUTH")
	e.says(wrapped, "plain", "set tls-replication no")
	e.says(alien, "strict", "set tls-cert-file and tls-key-file")
	e.says(six, "v4", "different families")

	// A user who may not ask for INFO: the server is up, and its replicas stay
	// unknown.
	limited := e.watcher("limited", map[string]int{"open": open.Port()})
	e.until("the refusal of INFO to be told", func(context.Context) (string, bool) {
		lines := e.linkLines(limited, "open")
		return fmt.Sprint(lines), len(lines) == 1 && strings.Contains(lines[0], "INFO was refused: NOPERM")
	})

	// It comes up, and goes for another reason: that is told too, and the first
	// cause again.
	e.must(locked.Client().Do(e.ctx, "AUTH", "secret").Err())
	e.do(bare, "SENTINEL", "SET", "locked", "auth-pass", "secret")
	e.until("the password to be accepted", func(ctx context.Context) (string, bool) {
		m, err := bare.Client().Do(ctx, "SENTINEL", "MASTER", "locked", "EXTENDED").StringSlice()
		return fmt.Sprint(m, err), err == nil && strings.Contains(strings.Join(m, " "), "link-error  link-error-since 0 ") && !strings.Contains(strings.Join(m, " "), "s_down")
	})
	locked.Kill()
	e.until("the end of the server to be told", func(context.Context) (string, bool) {
		lines := e.linkLines(bare, "locked")
		return fmt.Sprint(lines), len(lines) == 2 && strings.Contains(lines[1], "connection refused")
	})
}

// Sentinels whose SENTINEL command has another name answer no question about a
// master: the others say so, once for each, and do not count on them.
func TestSentinelCommandWithAnotherName(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(cluster.Topology{})
	port := g.Servers[0].Port()
	var all []*cluster.Sentinel
	for i := range 3 {
		own, err := e.c.Port()
		e.must(err)
		m := cluster.Monitored{Name: "mymaster", Port: port, Quorum: 2, DownAfter: 1000e6}
		s, err := e.c.StartSentinel(cluster.NodeSpec{Name: fmt.Sprint("sentinel", i), Port: own, Conf: cluster.SentinelConf(own, m, "rename-command SENTINEL WATCHED")})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		all = append(all, s)
	}
	for _, s := range all {
		e.until("CKQUORUM on "+s.Name()+" to tell", func(ctx context.Context) (string, bool) {
			err := s.Client().Do(ctx, "WATCHED", "CKQUORUM", "mymaster").Err()
			return fmt.Sprint(err), err != nil && strings.HasPrefix(err.Error(), "NOQUORUM 1 usable Sentinels. ") &&
				strings.Contains(err.Error(), "2 more refuse SENTINEL IS-MASTER-DOWN-BY-ADDR")
		})
		log, err := s.Log()
		e.must(err)
		if n := strings.Count(log, "its SENTINEL command has another name"); n != 2 {
			t.Errorf("%s warns %d times, want once for each peer:\n%s", s.Name(), n, log)
		}
	}
}
