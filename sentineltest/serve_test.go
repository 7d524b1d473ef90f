package sentineltest_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/sentineltest"
)

// A library is played a script of the collection, which judges it.
func ExampleServe() {
	m := sentineltest.Serve(t, "failover")
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: m.Name(), SentinelAddrs: m.Addrs()})
	defer rdb.Close()

	for m.Playing() {
		rdb.Incr(t.Context(), "counter")
	}
	m.Wait()
}

// The same for a library whose connections are encrypted.
func ExampleServeTLS() {
	m := sentineltest.ServeTLS(t, "failover")
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: m.Name(), SentinelAddrs: m.Addrs(), TLSConfig: m.ClientTLS()})
	defer rdb.Close()

	for m.Playing() {
		rdb.Incr(t.Context(), "counter")
	}
	m.Wait()
}

// A script of one's own, and a step that the test decides on.
func ExampleServe_text() {
	m := sentineltest.Serve(t, `
title    The second Sentinel is asked when the first does not answer
right    Goes on with the next Sentinel.
server   a
sentinel s1 s2
answer   s1 asks close
step     it finds the master
  wait   next
  expect 1 writes on a within 20s
`)
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: m.Name(), SentinelAddrs: m.Addrs()})
	defer rdb.Close()

	m.Next()
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Error(err)
	}
	m.Wait()
}

func TestServe(parent *testing.T) {
	for name, f := range map[string]func(){"collection": ExampleServe, "TLS": ExampleServeTLS, "text": ExampleServe_text} {
		parent.Run(name, func(of *testing.T) {
			t = of
			f()
		})
	}
}

// TestServeTLSOnly: nobody is served without TLS, or trusts another authority. What a script
// does to connections it does to these.
func TestServeTLSOnly(t *testing.T) {
	m := sentineltest.ServeTLS(t, "title t\nright r\nserver a\nserver b of a\nsentinel s\nstep x\nwait next\n")
	if sentineltest.Serve(t, "fixed").ClientTLS() != nil {
		t.Error("without TLS there is a configuration")
	}
	for _, node := range []string{"a", "b", "s"} {
		dial := func(cfg *tls.Config) *redis.Client {
			c := redis.NewClient(&redis.Options{Addr: m.Addr(node), TLSConfig: cfg, MaxRetries: -1, DialerRetries: 1, ReadTimeout: time.Second})
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		if err := dial(nil).Ping(t.Context()).Err(); err == nil {
			t.Errorf("%s answers without TLS", node)
		}
		if err := dial(&tls.Config{}).Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s is trusted: %v", node, err)
		}
		good := dial(m.ClientTLS())
		for _, lines := range [][]string{nil, {"cut " + node}, {"kill " + node, "start " + node}, {"freeze " + node, "thaw " + node}} {
			for _, line := range lines {
				m.Do(line)
			}
			// Whether a connection of before is of use is only known when it is used.
			err := good.Ping(t.Context()).Err()
			if err != nil {
				err = good.Ping(t.Context()).Err()
			}
			if err != nil {
				t.Errorf("after %q %s answers %v", lines, node, err)
			}
		}
	}
}

func TestServeJudges(t *testing.T) {
	m := sentineltest.Serve(t, "title t\nright Works.\nmaster cache password x\nserver a\nserver b of a\nsentinel s1 password y\nsentinel s2 password z\n"+
		"step nobody writes\nwait next\nexpect 1 writes on a within 10ms\n")
	if m.Name() != "cache" || m.Password() != "x" || m.SentinelPassword() != "z" || len(m.Addrs()) != 2 || m.Addr("s2") != m.Addrs()[1] || m.Addr("a") == m.Addr("b") {
		t.Errorf("%s %s %s %q", m.Name(), m.Password(), m.SentinelPassword(), m.Addrs())
	}
	if err := m.Err(); err == nil || err.Error() != "script: no verdict yet" {
		t.Error(err)
	}
	m.Do("failover b")
	m.Next()
	<-m.Done()
	if m.Playing() {
		t.Error("it goes on playing")
	}
	const want = "script:10: nobody writes: 0 writes on a after 10ms (expect 1 writes on a within 10ms)\na right client: Works."
	if err := m.Err(); err == nil || err.Error() != want {
		t.Error(err)
	}
}

// What is wrong with a script or a call fails the test and says why.
func TestServeMistakes(t *testing.T) {
	const good = sentineltest.Script("title t\nright r\nserver a\nsentinel s\n")
	for _, c := range []struct {
		call func(t testing.TB)
		want string
	}{
		{func(t testing.TB) { sentineltest.Serve(t, "fialover") }, `sentineltest.Serve: no script is called "fialover" (did you mean "failover"?)`},
		{func(t testing.TB) { sentineltest.Serve(t, good+"promte a\nkil a\n") }, `script:5: there is no statement "promte" (did you mean "promote"?)` + "\n" +
			`script:6: there is no statement "kil" (did you mean "kill"?)`},
		{func(t testing.TB) { sentineltest.Serve(t, good).Do("kil a") }, `sentineltest: kil a: there is no statement "kil" (did you mean "kill"?)`},
		{func(t testing.TB) { sentineltest.Serve(t, good).Addr("b") }, `sentineltest: the script has no node "b"`},
		{func(t testing.TB) { sentineltest.Serve(t, good+"step x\nexpect 1 asks on s within 1ms\n").Wait() }, "script:6: x: 0 asks on s after 1ms (expect 1 asks on s within 1ms)\na right client: r"},
	} {
		if got := fatal(t, c.call); !strings.Contains(got, c.want) {
			t.Errorf("\n got %q\nwant %q", got, c.want)
		}
	}
	if n := len(sentineltest.Scripts()); n < 20 {
		t.Errorf("%d scripts", n)
	}
}
