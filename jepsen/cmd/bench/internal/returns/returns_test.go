package returns

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSummary: accepted writes and delays are summed up, each under its own heading.
func TestSummary(t *testing.T) {
	sides := []side{{Name: "a", Results: []result{{accepted: 3}, {accepted: 1}, {accepted: 8}}}, {Name: "b", Results: []result{{delay: 50 * time.Millisecond}}}}
	var out strings.Builder
	Options{}.printSummary(&out, sides[:1])
	Options{All: true}.printSummary(&out, sides[1:])
	for _, want := range []string{"accepted", "3       1.0       3.0       8.0", "delay ms", "1      50.0      50.0      50.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	Options{Setup: trial.Setup{}}.printRow(&out, 2, "program", result{accepted: 7, taken: time.Millisecond, converted: 2 * time.Millisecond})
	if want := "7       1.0           2.0"; !strings.Contains(out.String(), want) {
		t.Errorf("the row lacks %q: %s", want, out.String())
	}
}

// TestLoadingIsNoDelay: a write that is refused while the server loads is tried again, and only
// the time after that counts.
func TestLoadingIsNoDelay(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		in := bufio.NewReader(conn)
		for _, reply := range []string{"-LOADING Redis is loading\r\n", "+OK\r\n"} {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
			_, _ = conn.Write([]byte(reply))
		}
		_, _ = in.ReadString('\n')
		conn.Close()
	}()
	if _, err := longestWrite(context.Background(), ln.Addr().String()); err == nil {
		t.Error("a connection that broke is no error")
	}
	<-served
}
