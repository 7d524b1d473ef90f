package survey_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/internal/testcert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering returns the address of somebody who answers each connection by f.
func answering(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return ln.Addr().String()
}

// TestStrangers: whoever is there is named, in a bounded time.
func TestStrangers(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	f := testcert.NewAuthority(t, "ca").Write(t, t.TempDir(), "server")
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	closed := answering(t, func(net.Conn) {})
	secure := answering(t, func(c net.Conn) {
		tc := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		io.Copy(io.Discard, tc)
	})
	for name, c := range map[string]struct {
		addr  string
		tls   *tls.Config
		cause survey.Cause
	}{
		"HTTP":                {addr: web.Listener.Addr().String(), cause: survey.HTTP},
		"SSH":                 {addr: answering(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-x\r\n"); io.Copy(io.Discard, c) }), cause: survey.Stranger},
		"one who closes":      {addr: closed, cause: survey.Closed},
		"one who is mute":     {addr: answering(t, func(c net.Conn) { io.Copy(io.Discard, c) }), cause: survey.Silent},
		"a drip":              {addr: answering(t, drip), cause: survey.Silent},
		"endless":             {addr: answering(t, func(c net.Conn) { fmt.Fprint(c, "+"); io.Copy(c, endless{}) }), cause: survey.Stranger},
		"a huge announcement": {addr: answering(t, func(c net.Conn) { fmt.Fprint(c, "+PONG\r\n$99999999999\r\n"); io.Copy(io.Discard, c) }), cause: survey.Stranger},
		"TLS":                 {addr: secure, cause: survey.NeedsTLS},
		"no TLS":              {addr: web.Listener.Addr().String(), tls: &tls.Config{InsecureSkipVerify: true}, cause: survey.NoTLS},
		"no TLS, and patient": {addr: answering(t, func(c net.Conn) {
			buf := make([]byte, 1000)
			for { // a server waits for the end of a line
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if bytes.Contains(buf[:n], []byte("PING")) {
					fmt.Fprint(c, "+PONG\r\n")
				}
			}
		}), tls: &tls.Config{InsecureSkipVerify: true}, cause: survey.NoTLS},
		"an unknown authority": {addr: secure, tls: &tls.Config{}, cause: survey.BadTLS},
		"no port":              {addr: "10.0.0.1", cause: survey.Blank},
		"everybody":            {addr: "0.0.0.0:26379", cause: survey.Blank},
		"multicast":            {addr: "[ff02::1]:26379", cause: survey.Blank},
		"nobody":               {addr: "127.0.0.1:1", cause: survey.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := survey.Take(t.Context(), survey.Options{Addrs: []string{c.addr}, Deep: true, Patience: 300 * time.Millisecond, Sentinel: survey.Access{TLS: c.tls},
				Server: func(string) survey.Access { return survey.Access{TLS: c.tls} }})
			if len(s.Strangers) != 1 || s.Strangers[0].Problem.Cause != c.cause || s.Strangers[0].Problem.Text == "" {
				t.Errorf("%+v", s.Strangers)
				for _, n := range s.Strangers {
					t.Error(n.Problem)
				}
			}
		})
	}
}

// drip answers one byte now and then, and never a whole line.
func drip(c net.Conn) {
	fmt.Fprint(c, "+")
	for {
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(make([]byte, 100)); err == io.EOF {
			return
		}
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for k := range b {
		b[k] = 'x'
	}
	return len(b), nil
}

// TestHostileSentinel: what one says of others is bounded, however much it is.
func TestHostileSentinel(t *testing.T) {
	var masters strings.Builder
	const n = 6000
	fmt.Fprintf(&masters, "*%d\r\n", n)
	for k := range n {
		fmt.Fprintf(&masters, "*6\r\n+name\r\n+m%d\r\n+ip\r\n+127.0.0.1\r\n+port\r\n+%d\r\n", k, k)
	}
	addr := answering(t, func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			k, err := c.Read(buf)
			if err != nil {
				return
			}
			for word := range bytes.SplitSeq(buf[:k], []byte("\r\n")) {
				switch string(word) {
				case "PING":
					fmt.Fprint(c, "+PONG\r\n")
				case "INFO":
					fmt.Fprint(c, "$21\r\nredis_mode:sentinel\r\n\r\n")
				case "MYID", "CONFIG", "CKQUORUM":
					fmt.Fprint(c, "+x\r\n")
				case "SLAVES", "SENTINELS":
					fmt.Fprint(c, "*0\r\n")
				case "MASTERS":
					io.WriteString(c, masters.String())
				}
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nobody := func(context.Context, string, string) (net.Conn, error) { return nil, fmt.Errorf("no way") }
	s := survey.Take(ctx, survey.Options{Addrs: []string{addr}, Dial: func(ctx context.Context, network, to string) (net.Conn, error) {
		if to != addr {
			return nobody(ctx, network, to)
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}})
	runtime.ReadMemStats(&after)
	if len(s.Servers) != 5000 || len(s.Left) != 1 {
		t.Errorf("%d servers, %q, %v", len(s.Servers), s.Left, s.Sentinels[0].Problem)
	}
	if m := after.TotalAlloc - before.TotalAlloc; m > 512<<20 {
		t.Errorf("%d MB", m>>20)
	}
}
