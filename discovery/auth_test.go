package discovery

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
)

// Passwords and TLS at both kinds of machines. Some Sentinels have no password yet.
func TestAccess(t *testing.T) {
	var log strings.Builder
	secured := func(t *testing.T, w *world) {
		log.Reset()
		ca := testcert.NewAuthority(t, "ca") // of this virtual time
		certPEM, keyPEM := ca.Issue(t, "redis")
		cert, err := tls.X509KeyPair(certPEM, keyPEM)
		if err != nil {
			t.Fatal(err)
		}
		theirs := &tls.Config{Certificates: []tls.Certificate{cert}}
		mine := &tls.Config{RootCAs: ca.Pool(), ServerName: "redis.example"}
		w.opt.SentinelAccess = Access{User: "ops", Password: "s3cret", TLS: mine}
		w.opt.ServerAccess = Access{Password: "hunter2", TLS: mine}
		w.opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
		for _, s := range w.sentinels {
			s.tls = theirs
		}
		w.sentinels[0].password, w.sentinels[1].password = "s3cret", "s3cret"
		for _, s := range w.servers {
			s.tls, s.password = theirs, "hunter2"
		}
	}
	fails := func(t *testing.T, w *world, parts ...string) {
		t.Helper()
		w.run()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := w.r.Master(ctx)
		for _, part := range parts {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v, want %q", err, part)
			}
		}
		w.stop()
		for _, secret := range []string{"s3cret", "hunter2", "wrong"} {
			if strings.Contains(fmt.Sprintf("%v %+v %#v %v", err, w.opt.ServerAccess, w.opt.SentinelAccess, w.r.Status())+log.String(), secret) {
				t.Errorf("%s is shown", secret)
			}
		}
	}
	t.Run("right", func(t *testing.T) {
		simulated(t, 3, func(t *testing.T, w *world) {
			secured(t, w)
			w.run()
			w.master("a:1", 5)
			synctest.Wait()
			for _, s := range w.r.Status().Sentinels {
				if s.Error != "" || !s.Subscribed {
					t.Errorf("%+v", s)
				}
			}
			conn, err := w.r.DialMaster(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := said(conn, "a:1"); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("wrong at Sentinels", func(t *testing.T) {
		simulated(t, 2, func(t *testing.T, w *world) {
			secured(t, w)
			w.opt.SentinelAccess.Password = "wrong"
			fails(t, w, "no Sentinel names a master", `s1:26379: login: it says "WRONGPASS`)
		})
	})
	t.Run("wrong at servers", func(t *testing.T) {
		simulated(t, 3, func(t *testing.T, w *world) {
			secured(t, w)
			w.opt.ServerAccess.Password = "wrong"
			fails(t, w, "a:1 does not say that it is a master", `a:1: login: it says "WRONGPASS`)
		})
	})
	t.Run("none", func(t *testing.T) {
		simulated(t, 2, func(t *testing.T, w *world) {
			secured(t, w)
			w.opt.SentinelAccess.Password, w.opt.SentinelAccess.User = "", ""
			fails(t, w, `s1:26379: it says "NOAUTH`)
		})
	})
	t.Run("no TLS here", func(t *testing.T) {
		simulated(t, 2, func(t *testing.T, w *world) {
			secured(t, w)
			w.opt.SentinelAccess.TLS = nil
			fails(t, w, "s1:26379: ")
		})
	})
	t.Run("no TLS there", func(t *testing.T) {
		simulated(t, 2, func(t *testing.T, w *world) {
			secured(t, w)
			for _, s := range w.sentinels {
				s.tls = nil
			}
			fails(t, w, "s1:26379: TLS: ")
		})
	})
	t.Run("another authority", func(t *testing.T) {
		simulated(t, 2, func(t *testing.T, w *world) {
			secured(t, w)
			w.opt.SentinelAccess.TLS = &tls.Config{ServerName: "redis.example", RootCAs: testcert.NewAuthority(t, "other").Pool()}
			fails(t, w, "s1:26379: TLS: tls: failed to verify certificate")
		})
	})
}

// A server that becomes a replica tells blocked clients so and hangs up. For them
// that is the end of a connection. Data that looks the same stays data.
func TestUnblocked(t *testing.T) {
	const line = "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		s := w.servers["a:1"]
		dial := func() io.ReadWriteCloser {
			t.Helper()
			conn, err := w.r.DialMaster(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		s.echo = line
		conn := dial()
		go io.WriteString(conn, bulks("BLPOP", "a", "0"))
		go func() {
			time.Sleep(10 * time.Millisecond)
			w.net.reset("a:1")
		}()
		if b, err := io.ReadAll(conn); len(b) > 0 || err == nil || !strings.Contains(err.Error(), ErrDemoted.Error()) {
			t.Errorf("%q, %v", b, err)
		}
		conn.Close()

		conn = dial()
		defer conn.Close()
		rd := bufio.NewReader(conn)
		for i := range 2 {
			go io.WriteString(conn, bulks("GET", "a"))
			if i == 1 { // more follows while it looks
				go func() {
					time.Sleep(10 * time.Millisecond)
					io.WriteString(conn, bulks("GET", "b"))
				}()
			}
			if got, err := rd.ReadString('\n'); got != line || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if got, err := rd.ReadString('\n'); got != line || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// Everything that is wrong is named, and what is missing is filled in.
func TestOptions(t *testing.T) {
	_, err := New(Options{
		Sentinels: []string{"a b:1", "x:99999", "x:0", ":1", "http://x", "ok", "OK:26379"}, Master: "two words",
		SentinelAccess: Access{User: "u"}, ServerAccess: Access{User: "u"}, Poll: time.Millisecond, Timeout: -1,
	})
	for _, part := range []string{
		`"a b:1"`, `"x:99999"`, `"x:0"`, `":1"`, `"http://x"`, "ok:26379 twice", `"two words" is no name`,
		"SentinelAccess has a user", "ServerAccess has a user", "Poll is 1ms", "Timeout is -1ns",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v\nlacks %q", err, part)
		}
	}
	if _, err := New(Options{Sentinels: make([]string, 40)}); err == nil || !strings.Contains(err.Error(), "at most 32") || !strings.Contains(err.Error(), "Master is empty") {
		t.Errorf("%v", err)
	}
	r, err := New(Options{Sentinels: []string{"::1", "[0:0::2]:05", "H", "::ffff:10.0.0.1"}, Master: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.opt.Sentinels, " "); got != "[::1]:26379 [::2]:5 h:26379 10.0.0.1:26379" || r.opt.Poll != 5*time.Second || r.opt.Timeout != 2*time.Second {
		t.Errorf("%s, %v, %v", got, r.opt.Poll, r.opt.Timeout)
	}
	if got := (Access{Password: "p"}).LogValue().String() + " " + (Addr{Host: "h", Port: 1}).Network(); got != "default with a password tcp" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%v %+v %#v", Access{Password: "p"}, Access{User: "u", TLS: &tls.Config{}}, Access{User: "v", Password: "p"}); got != "default with a password u over TLS v with a password" {
		t.Error(got)
	}
	if got := slog.AnyValue(Access{Password: "p"}).Resolve().String(); got != "default with a password" {
		t.Errorf("the log shows %s", got)
	}
	if a := net.Addr(Addr{}); a.Network() != "tcp" || a.String() != "" {
		t.Errorf("no address is %s %q", a.Network(), a.String())
	}
}

// Trouble is logged when it begins, when it changes and when it ends, and not with each try.
func TestTroubleIsLoggedOnce(t *testing.T) {
	var log strings.Builder
	simulated(t, 3, func(t *testing.T, w *world) {
		w.opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
		w.net.kill("s3:26379")
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Minute)
		w.net.serve("s3:26379", w.sentinels[2].serve)
		time.Sleep(time.Minute)
		w.failover(w.sentinels...)
		w.sentinels[0].publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
	})
	for part, n := range map[string]int{
		`msg="discovery: trouble" with=Sentinel addr=s3:26379 error="dial: connection refused"`: 1,
		`msg="discovery: no more trouble" with=Sentinel addr=s3:26379`:                          1,
		`msg="discovery: master" name=cache addr=a:1 epoch=5 before=""`:                         1,
		`msg="discovery: master" name=cache addr=b:1 epoch=6 before=a:1`:                        1,
		"trouble": 2,
	} {
		if got := strings.Count(log.String(), part); got != n {
			t.Errorf("%d times %s, want %d:\n%s", got, part, n, log.String())
		}
	}
}
