package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of a connection.
const (
	readTimeout  = 5 * time.Second // of a request
	writeTimeout = 5 * time.Second // of an answer
	idleTimeout  = 2 * time.Minute
	maxHeader    = 16 << 10
)

// Server serves a site. Make it with [NewServer]. On a loopback address, without a login and
// without TLS, it shows the page and /status only to those who ask for localhost, for an address,
// for the name of the machine or for one of [Access].Hosts. Probes and scrapers may use any name.
type Server struct {
	listeners []net.Listener
	http      *http.Server
	end       context.CancelFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // of handlers, and of Serve
}

// NewServer returns a server for open listeners, which belong to it from then on. It
// serves nobody before Serve is called. With secure, which is called for each
// connection, it serves HTTPS.
func NewServer(site Site, access func() Access, secure func() *tls.Config, listeners ...net.Listener) *Server {
	ctx, end := context.WithCancel(context.Background())
	s := &Server{end: end}
	pages := Handler(site, access)
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.begin() {
				return
			}
			defer s.work.Done()
			if forPeople(r.URL.Path) && access().misled(r) {
				fail(w, http.StatusForbidden, errMisled)
				return
			}
			pages.ServeHTTP(w, r)
		}),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	shared := &bounded{}
	for _, ln := range listeners {
		ln = shared.with(ln)
		if secure != nil {
			ln = tls.NewListener(ln, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return secure(), nil }})
		}
		s.listeners = append(s.listeners, ln)
	}
	return s
}

// errMisled is for people who look through a reverse proxy that keeps their Host header.
var errMisled = errors.New(`Without a login, this is shown on a loopback address only to those who ask for localhost, an address or this machine's name.
Otherwise any website could read it through your browser. Behind a reverse proxy: set http-password or http-token, or have the proxy send "Host: localhost".`)

// forPeople reports whether a path is for browsers.
func forPeople(path string) bool {
	switch path {
	case "/livez", "/readyz", "/metrics":
		return false
	}
	return true
}

// Serve serves until Close is called, and then returns nil.
func (s *Server) Serve() error {
	failed := make(chan error, len(s.listeners))
	for _, ln := range s.listeners {
		if !s.begin() {
			return nil
		}
		go func() { defer s.work.Done(); failed <- s.http.Serve(ln) }()
	}
	var first error
	for range s.listeners {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) && first == nil {
			first = err
		}
	}
	return first
}

// begin reports whether something may begin, for which Close then waits.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

// Close ends all connections, and waits for what is being answered.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.http.Close()
	for _, ln := range s.listeners {
		ln.Close() // if it was never served
	}
	s.work.Wait()
}
