package failover

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A replica refuses writes, hangs up when it is promoted, and then accepts.
func TestWriterOutlastsAPromotion(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []int, 1)
	go func() {
		var served []int
		for _, replies := range [][]string{
			{"-READONLY You can't write against a read only replica.\r\n", "-READONLY again\r\n"},
			{}, // refuses the first command by hanging up
			{"+OK\r\n"},
		} {
			conn, err := ln.Accept()
			if err != nil {
				break
			}
			in := bufio.NewReader(conn)
			for _, reply := range replies {
				if _, err := in.ReadString('\n'); err != nil {
					break
				}
				_, _ = io.WriteString(conn, reply)
			}
			_ = conn.Close()
			served = append(served, len(replies))
		}
		done <- served
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := writer{addr: ln.Addr().String()}
	_, ok := w.until(ctx)
	w.close()
	_ = ln.Close()
	if served := <-done; !ok || !slices.Equal(served, []int{2, 0, 1}) {
		t.Errorf("accepted: %t, after connections with %v replies", ok, served)
	}

	// The listener is closed, so only the end of the context ends this.
	cancel()
	if _, ok := w.until(ctx); ok {
		t.Error("a write was accepted without a server")
	}
}

func TestClientNeedsBothTheServerAndASentinel(t *testing.T) {
	for _, c := range []struct{ write, promoted, switched, want time.Duration }{
		{5, 9, 8, 8},
		{5, 7, 8, 7},
		{12, 7, 8, 12},
	} {
		r := result{cluster.Failover{Promoted: c.promoted, Switched: c.switched}, c.write}
		if got := r.client(); got != c.want {
			t.Errorf("client of %+v = %d, want %d", c, got, c.want)
		}
	}
}

func TestReportAndVerdict(t *testing.T) {
	o := Options{Setup: trial.Setup{Runs: 2, Replicas: 2, Sentinels: 3, DownAfter: time.Second}, Signal: "KILL", MaxMedian: 150 * time.Millisecond}
	one := cluster.Failover{Leaders: 1, Candidates: 1}
	fast := result{one, 1100 * time.Millisecond}
	slow := result{one, 2200 * time.Millisecond}
	sides := []side{{Name: "fast", Results: []result{fast, fast}}, {Name: "slow", Results: []result{slow, slow}}}
	var out bytes.Buffer
	printHeader(&out, o)
	printRow(&out, 1, "fast", fast)
	printSummary(&out, o, sides)
	for _, want := range []string{"down-after 1000 ms, SIGKILL", "median of fast is 0.08 of that of slow", "1200..", "██"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)) - 1; n > 90 {
			t.Errorf("line of %d columns: %s", n, line)
		}
	}
	if err := judge(o, sides); err != nil {
		t.Errorf("a good measurement was rejected: %v", err)
	}
	for name, bad := range map[string]result{
		"the limit is": slow,
		"split":        {cluster.Failover{Retries: 1}, time.Second},
		"two leader":   {cluster.Failover{SecondLeader: true}, time.Second},
	} {
		sides[0].Results = []result{bad, bad}
		if err := judge(o, sides); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("verdict on %s: %v", name, err)
		}
	}
}
