package sentinel

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// TestDialRESPGivenUp: a context that has ended opens no connection.
func TestDialRESPGivenUp(t *testing.T) {
	s := start(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if _, err := s.DialRESP(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("DialRESP: %v", err)
		}
	}
}

// TestDialRESP: a client in the process needs no port. It may write more than buffers
// hold of the replies, and its connection ends with the Sentinel.
func TestDialRESP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		cfg := Config{Dial: noDial, Password: "secret", Masters: []MasterConfig{{Name: "m", Addr: "10.0.0.1:1", Quorum: 1}}}
		idle, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := idle.DialRESP(ctx); !errors.Is(err, ErrNotRunning) {
			t.Errorf("before Run: %v", err)
		}
		s, end := run(t, cfg)
		<-s.Ready()
		nc, err := s.DialRESP(ctx)
		if err != nil {
			t.Fatal(err)
		}
		const pings = 5000
		commands := "SENTINEL GET-MASTER-ADDR-BY-NAME m\r\nAUTH secret\r\nSENTINEL GET-MASTER-ADDR-BY-NAME m\r\nCLIENT INFO\r\n" + strings.Repeat("PING\r\n", pings)
		if _, err := nc.Write([]byte(commands)); err != nil {
			t.Fatal(err)
		}
		replies := bufio.NewReader(nc)
		for _, want := range []string{"-NOAUTH", "+OK", "*2", "$8", "10.0.0.1", "$1", "1"} {
			if got, err := replies.ReadString('\n'); !strings.HasPrefix(got, want) {
				t.Fatalf("%q, %v, want %q", got, err, want)
			}
		}
		if size, _ := replies.ReadString('\n'); !strings.HasPrefix(size, "$") {
			t.Fatal(size)
		}
		if got, _ := replies.ReadString('\n'); !strings.Contains(got, " addr=in-process ") {
			t.Errorf("CLIENT INFO: %q", got)
		}
		for n := 0; n < pings; {
			got, err := replies.ReadString('\n')
			if err != nil {
				t.Fatal(n, err)
			}
			if got == "+PONG\r\n" {
				n++
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		if _, err := replies.ReadByte(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if _, err := s.DialRESP(ctx); !errors.Is(err, ErrNotRunning) {
			t.Errorf("after Run: %v", err)
		}
	})
}
