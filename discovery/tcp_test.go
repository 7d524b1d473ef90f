package discovery

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/testcert"
)

// tcp serves a fake on a real socket until the end of the test.
func tcp(t *testing.T, host string, serve func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("needs %s: %v", host, err)
	}
	n := newNetwork()
	n.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			n.open[""] = append(n.open[""], conn)
			n.mu.Unlock()
			n.wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		n.reset("")
		n.wg.Wait()
	})
	return ln.Addr().String()
}

// withAddress makes a certificate that is valid for the loopback addresses.
func withAddress(c *x509.Certificate) {
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
}

// theirs is what a server with a certificate of an authority uses.
func theirs(t *testing.T, ca *testcert.Authority, options ...testcert.Option) *tls.Config {
	t.Helper()
	cert, key := ca.Issue(t, "redis", options...)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// TestTLSOverTCP has real sockets and an authority of its own. One Sentinel of three has a
// certificate that is wrong in some way: it is left out, and the status says why.
func TestTLSOverTCP(t *testing.T) {
	ca := testcert.NewAuthority(t, "ours")
	for name, c := range map[string]struct {
		host  string
		third *tls.Config // of the last Sentinel; nil: it has no TLS
		want  string      // in its error; empty: none
	}{
		"all right":         {"127.0.0.1", theirs(t, ca, withAddress), ""},
		"IPv6":              {"::1", theirs(t, ca, withAddress), ""},
		"another authority": {"127.0.0.1", theirs(t, testcert.NewAuthority(t, "other"), withAddress), "certificate signed by unknown authority"},
		"another host":      {"127.0.0.1", theirs(t, ca), "doesn't contain any IP SANs"},
		"expired":           {"127.0.0.1", theirs(t, ca, withAddress, testcert.Expired), "certificate has expired"},
		"none":              {"127.0.0.1", nil, "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, servers: map[string]*fakeServer{}}
			good := theirs(t, ca, withAddress)
			master := &fakeServer{role: aMaster, echo: "+master\r\n", tls: good}
			replica := &fakeServer{role: aReplica, tls: good}
			a, b := tcp(t, c.host, master.serve), tcp(t, c.host, replica.serve)
			for i := range 3 {
				s := &fakeSentinel{id: string(rune('a' + i)), subs: map[net.Conn]bool{}, events: true, tls: good}
				if i == 2 {
					s.tls = c.third
				}
				s.say(a, 5, b)
				w.sentinels = append(w.sentinels, s)
				w.opt.Sentinels = append(w.opt.Sentinels, tcp(t, c.host, s.serve))
			}
			access := Access{TLS: &tls.Config{RootCAs: ca.Pool()}}
			w.opt.Master, w.opt.SentinelAccess, w.opt.ServerAccess = "cache", access, access
			w.net = newNetwork() // of which nothing is used
			r := w.run()
			t.Cleanup(w.stop)
			w.master(a, 5)
			conn, err := r.DialMaster(t.Context(), "tcp", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := said(conn, "master"); err != nil {
				t.Error(err)
			}
			if conn, err = r.DialMaster(t.Context(), "tcp", ""); err != nil {
				t.Fatal(err)
			}
			defer conn.Close()

			replica.become(aMaster)
			master.become(aReplica)
			for _, s := range w.sentinels {
				s.say(b, 6, a)
				s.publish("cache", a, b)
			}
			w.until(b, 6)
			if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), ErrDemoted.Error()) {
				t.Errorf("the connection to the old master: %v", err)
			}
			deadline := time.Now().Add(time.Minute)
			third := r.Status().Sentinels[2]
			for ; (third.Error == "") != (c.want == "") && time.Now().Before(deadline); third = r.Status().Sentinels[2] {
				time.Sleep(time.Millisecond)
			}
			if !strings.Contains(third.Error, c.want) || c.want == "" && third.Error != "" {
				t.Errorf("the third Sentinel: %+v", third)
			}
		})
	}
}

// TestStrangersOverTCP: a web server, a Redis server, a socket that nobody accepts from and a
// port where nobody is are named for what they are. Two Sentinels are enough.
func TestStrangersOverTCP(t *testing.T) {
	master := &fakeServer{role: aMaster, echo: "+master\r\n"}
	a := tcp(t, "127.0.0.1", master.serve)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	redis, err := fakeredis.Start(fakeredis.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	var ends [2]net.Listener
	for i := range ends {
		if ends[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		defer ends[i].Close()
	}
	ends[1].Close()
	strangers := []struct{ addr, want string }{
		{web.Listener.Addr().String(), "this is an HTTP server"},
		{redis.Addr(), "unknown command"},
		{ends[0].Addr().String(), "did not answer in time"},
		{ends[1].Addr().String(), "connection refused"},
	}
	w := &world{T: t, net: newNetwork()}
	w.opt.Master, w.opt.Timeout = "cache", 100*time.Millisecond
	for _, s := range strangers {
		w.opt.Sentinels = append(w.opt.Sentinels, s.addr)
	}
	for range 2 {
		s := &fakeSentinel{subs: map[net.Conn]bool{}, events: true}
		s.say(a, 5)
		w.opt.Sentinels = append(w.opt.Sentinels, tcp(t, "127.0.0.1", s.serve))
	}
	r := w.run()
	t.Cleanup(w.stop)
	w.master(a, 5)
	for i, s := range strangers {
		one, deadline := r.Status().Sentinels[i], time.Now().Add(time.Minute)
		for ; !strings.Contains(one.Error, s.want) && time.Now().Before(deadline); one = r.Status().Sentinels[i] {
			time.Sleep(time.Millisecond)
		}
		if !strings.Contains(one.Error, s.want) {
			t.Errorf("%+v, want %q", one, s.want)
		}
	}
}
