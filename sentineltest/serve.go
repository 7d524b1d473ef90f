package sentineltest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/mock"
	"github.com/gosentinel/sentinel/internal/testcert"
)

// Script is what Serve plays: the name of a script of the collection, such as
// "old-master", or the text of one in several lines. `gosentinel mock -list` prints
// the collection, and docs/mock.md explains the language.
type Script string

// Scripts returns the names of the collection, sorted. Each script judges clients
// by itself, except "on-demand", which waits for [Mock.Do] and [Mock.Next].
func Scripts() []Script {
	var list []Script
	for _, name := range mock.Names() {
		list = append(list, Script(name))
	}
	return list
}

// Mock is a script that is being played: Sentinels that say what the script makes
// them say, and servers that really replicate. Its methods are safe for concurrent
// use, but Addr, Do and Wait, which may end the test, are for the goroutine of the test.
type Mock struct {
	t    testing.TB
	mock *mock.Mock
	tls  *tls.Config // of clients
}

// Serve begins to play a script on free ports of 127.0.0.1, and ends it with the test. It
// fails the test at once if the script has mistakes, and says all of them. What a client
// does wrong is an error of the test when [Mock.Wait] is called, and only then. It has real
// sockets, so it does not work in a bubble of testing/synctest.
func Serve(t testing.TB, s Script) *Mock {
	t.Helper()
	return serve(t, s, mock.Options{}, nil)
}

// ServeTLS is Serve, but nothing listens without TLS. All nodes have one certificate, for
// 127.0.0.1 and localhost, of an authority that exists for this test; see
// [Mock.ClientTLS].
func ServeTLS(t testing.TB, s Script) *Mock {
	t.Helper()
	ca := testcert.NewAuthority(t, "sentineltest")
	cert, key := ca.Issue(t, "sentineltest", func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	})
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatalf("sentineltest.ServeTLS: %v", err)
	}
	return serve(t, s, mock.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}, &tls.Config{RootCAs: ca.Pool()})
}

func serve(t testing.TB, s Script, o mock.Options, clients *tls.Config) *Mock {
	t.Helper()
	script, err := load(s)
	if err != nil {
		t.Fatalf("sentineltest.Serve: %v", err)
	}
	m, err := mock.Start(script, o)
	if err != nil {
		t.Fatalf("sentineltest.Serve: %v", err)
	}
	t.Cleanup(m.Close)
	return &Mock{t: t, mock: m, tls: clients}
}

// ClientTLS returns what a client of [ServeTLS] needs to trust its certificate. It belongs
// to the caller. After [Serve] it is nil.
func (m *Mock) ClientTLS() *tls.Config { return m.tls.Clone() }

// load reads a script. A file is none: tests have the text at hand, by embedding.
func load(s Script) (*mock.Script, error) {
	if strings.Contains(string(s), "\n") {
		return mock.Parse("script", []byte(s))
	}
	text, err := mock.Source(string(s))
	if err != nil {
		return nil, err
	}
	return mock.Parse(string(s), text)
}

// Name returns the name of the master, which clients ask the Sentinels for.
func (m *Mock) Name() string { return m.mock.Announcement().Master }

// Addrs returns the addresses of the Sentinels, as "ip:port", in the order of the
// script. They stay the same.
func (m *Mock) Addrs() []string {
	var list []string
	for _, s := range m.mock.Announcement().Sentinels {
		list = append(list, s.Addr)
	}
	return list
}

// Addr returns the address of a server or Sentinel by its name in the script. A name
// that the script does not have fails the test.
func (m *Mock) Addr(node string) string {
	m.t.Helper()
	a := m.mock.Announcement()
	for _, n := range append(a.Servers, a.Sentinels...) {
		if n.Name == node {
			return n.Addr
		}
	}
	m.t.Fatalf("sentineltest: the script has no node %q", node)
	return ""
}

// Password returns the password of the servers, or "". SentinelPassword returns the
// one of the last Sentinel: where Sentinels differ, that one is right.
func (m *Mock) Password() string { return m.mock.Announcement().Password }

// SentinelPassword is explained with Password.
func (m *Mock) SentinelPassword() string {
	list := m.mock.Announcement().Sentinels
	return list[len(list)-1].Password
}

// Do carries out one line of the language at once, such as "failover b" or
// "freeze s1". A line that makes no sense fails the test.
func (m *Mock) Do(line string) {
	m.t.Helper()
	if err := m.mock.Do(line); err != nil {
		m.t.Fatalf("sentineltest: %s: %v", line, err)
	}
}

// Next lets the script go on where it has "wait next". It may be called before the
// script is there.
func (m *Mock) Next() { m.mock.Next() }

// callPause is how often a client works in a loop around Playing.
const callPause = 10 * time.Millisecond

// Playing reports whether there is no verdict yet, after a pause of 10 ms. It makes
// the loop in which a client works:
//
//	for m.Playing() {
//		client.Incr("counter") // its errors are what an application would see
//	}
//	m.Wait()
func (m *Mock) Playing() bool {
	select {
	case <-m.mock.Done():
		return false
	case <-time.After(callPause):
		return true
	}
}

// Done returns a channel that is closed with the verdict. Until the end of the test
// the mock goes on answering.
func (m *Mock) Done() <-chan struct{} { return m.mock.Done() }

// Err returns nil if the client has passed; otherwise what it did wrong, in which
// line of the script, and what a right client does. Before Done it says that there is
// no verdict.
func (m *Mock) Err() error {
	v := m.mock.Verdict()
	switch v.Result {
	case mock.Pass:
		return nil
	case "":
		return fmt.Errorf("%s: no verdict yet", m.mock.Announcement().Script)
	}
	at := v.Script
	if v.Line > 0 {
		at += fmt.Sprintf(":%d", v.Line)
	}
	return fmt.Errorf("%s: %s\na right client: %s", at, v.Reason, v.Right)
}

// Wait waits for the verdict, which comes because every expectation of a script has a
// time limit, and fails the test if the client has not passed. A script that has
// "wait next" needs Next.
func (m *Mock) Wait() {
	m.t.Helper()
	<-m.mock.Done()
	if err := m.Err(); err != nil {
		m.t.Fatalf("%v", err)
	}
}
