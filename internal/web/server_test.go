package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
)

// serving serves a site in the memory of a bubble of synctest, and returns what dials it.
func serving(t *testing.T, s Site) func() net.Conn {
	ln := mempipe.Listen("web")
	server := NewServer(s, Everybody, nil, ln)
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return func() net.Conn {
		nc, err := ln.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
}

// ask sends a request on a connection and returns the status of the answer, 0 for none.
func ask(nc net.Conn, path string) int {
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0
	}
	return r.StatusCode
}

// TestHangersOn: neither connections that say nothing, nor viewers and scrapers that do
// not read, nor a request that comes byte by byte keep a supervisor waiting.
func TestHangersOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sample{live: Verdict{OK: true}, pages: []Page{{Title: "x", Parts: []Part{{"a", "x"}}}}}
		dial := serving(t, s.site())
		var all []net.Conn
		for i := range 1000 {
			nc := dial()
			all = append(all, nc)
			switch i % 4 {
			case 0:
				fmt.Fprintf(nc, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
			case 1:
				fmt.Fprintf(nc, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
			case 2:
				fmt.Fprintf(nc, "GET /metr")
			}
			synctest.Wait()
			if i%100 == 0 {
				begun := time.Now()
				probe := dial()
				if code := ask(probe, "/livez"); code != 200 || time.Since(begun) > 0 {
					t.Fatalf("with %d that hang on, /livez says %d after %v", i, code, time.Since(begun))
				}
				probe.Close()
			}
		}
		// Those that say nothing are let go in time.
		time.Sleep(2 * idleTimeout)
		synctest.Wait()
		for i, nc := range all {
			if i%4 == 0 {
				continue // viewers may stay
			}
			_ = nc.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := nc.Read(make([]byte, 1<<20)); err == nil {
				_, err = nc.Read(make([]byte, 1<<20))
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Fatalf("connection %d is still open", i)
				}
			}
		}
		for _, nc := range all {
			nc.Close()
		}
	})
}

// message is an event of a stream.
type message struct {
	kind string
	data struct {
		Title string
		Parts []section
	}
}

func nextMessage(t *testing.T, r *bufio.Reader) (m message) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream has ended: %v", err)
		}
		line = strings.TrimSpace(line)
		if kind, ok := strings.CutPrefix(line, "event: "); ok {
			m.kind = kind
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(data), &m.data); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			return m
		}
	}
}

// TestStream: a viewer gets the whole page, then what changes, and the whole page again
// when other parts are there.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sample{pages: []Page{{Title: "one", Parts: []Part{{"a", "<p>1</p>"}, {"b", "<p>2</p>"}}}}}
		dial := serving(t, s.site())
		nc := dial()
		defer nc.Close()
		fmt.Fprintf(nc, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v %v", resp, err)
		}
		in := bufio.NewReader(resp.Body)
		if m := nextMessage(t, in); m.kind != "whole" || m.data.Title != "one" || len(m.data.Parts) != 2 {
			t.Fatalf("first: %+v", m)
		}
		s.change(func() { s.pages = []Page{{Title: "two", Parts: []Part{{"a", "<p>1</p>"}, {"b", "<p>3\n</p>"}}}} })
		if m := nextMessage(t, in); m.kind != "parts" || m.data.Title != "two" || len(m.data.Parts) != 1 || m.data.Parts[0].ID != "b" {
			t.Fatalf("then: %+v", m)
		}
		s.change(func() { s.pages = []Page{{Title: "three", Parts: []Part{{"b", "<p>3\n</p>"}}}} })
		if m := nextMessage(t, in); m.kind != "whole" || len(m.data.Parts) != 1 {
			t.Fatalf("in the end: %+v", m)
		}
		s.change(func() { s.err = context.DeadlineExceeded })
		if m := nextMessage(t, in); m.kind != "trouble" {
			t.Fatalf("while the program does not answer: %+v", m)
		}
	})
}

// TestViewers: there is an end to those who get a stream.
func TestViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sample{pages: []Page{{}}}
		dial := serving(t, s.site())
		for i := range maxViewers + 1 {
			nc := dial()
			defer nc.Close()
			want := 200
			if i == maxViewers {
				want = 503
			}
			if got := ask(nc, "/events"); got != want {
				t.Fatalf("viewer %d: %d", i+1, got)
			}
		}
	})
}

// TestNames: who is led to a loopback address by a name of somebody else reads nothing of the
// page there, and probes and scrapers may use any name.
func TestNames(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		local, host string
		access      Access
		https       bool
		open        bool
	}{
		{local: "127.0.0.1", host: "evil.example:9121"},
		{local: "127.0.0.1", host: "evil.example"},
		{local: "127.8.8.8", host: "localhost.evil.example"},
		{local: "::1", host: "127.0.0.1.evil.example:80"},
		{local: "127.0.0.1", host: "localhost:9121", open: true},
		{local: "127.0.0.1", host: "LocalHost.", open: true},
		{local: "127.0.0.1", host: "page.localhost", open: true},
		{local: "127.0.0.1", host: "127.0.0.1:9121", open: true},
		{local: "127.0.0.1", host: "10.0.0.1", open: true},
		{local: "::1", host: "[::1]:9121", open: true},
		{local: "::1", host: "[::1]", open: true},
		{local: "127.0.0.1", host: "", open: true}, // no browser
		{local: "127.0.1.1", host: machine + ":9121", open: true},
		{local: "127.0.0.1", host: "Status.example:9121", access: Access{Hosts: []string{"status.example"}}, open: true},
		{local: "127.0.0.1", host: "evil.example", access: Access{Token: "t"}, open: true},
		{local: "127.0.0.1", host: "evil.example", access: Access{Password: "p"}, open: true},
		{local: "127.0.0.1", host: "evil.example", https: true, open: true},
		{local: "10.0.0.1", host: "any.example", open: true},
	} {
		s := &sample{live: Verdict{OK: true}, ready: Verdict{OK: true}, pages: []Page{{}}}
		server := NewServer(s.site(), func() Access { return c.access }, nil)
		for _, path := range []string{"/", "/status", "/events?page=x", "/livez", "/readyz", "/metrics"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = c.host
			r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(c.local), Port: 9121}))
			if c.https {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			server.http.Handler.ServeHTTP(w, r)
			if open := w.Code != http.StatusForbidden; open != (c.open || !forPeople(r.URL.Path)) {
				t.Errorf("%s on %s, Host %q, %v: %d", path, c.local, c.host, c.access, w.Code)
			}
			if w.Code == http.StatusForbidden && !strings.Contains(w.Body.String(), "http-password") {
				t.Errorf("it does not say what to do: %s", w.Body)
			}
		}
		server.Close()
	}
}
