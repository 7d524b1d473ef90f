package sentinel

import (
	"context"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/resptest"
)

const idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// TestServerOnCore sends the operator's commands through the front end into a
// real core and reads their effects back. The other tests of the front end use a
// fake core; where that differs from the real one, this test fails.
func TestServerOnCore(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0", AllowShutdown: true, Masters: []MasterConfig{{Name: "one", Addr: "127.0.0.1:1", Quorum: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	resptest.Eventually(t, "the Sentinel works", func() bool { return len(masters(s)) == 1 })
	c, sub := resptest.Dial(t, "tcp", s.Addr().String()), resptest.Dial(t, "tcp", s.Addr().String())
	sub.Do("PSUBSCRIBE [-+]monitor +set +reset-master")

	for _, step := range []struct{ cmd, want string }{
		{"SENTINEL GET-MASTER-ADDR-BY-NAME one", "*2\n$9\n127.0.0.1\n$1\n1\n"},
		{"SENTINEL MONITOR one 127.0.0.1 2 1", "-ERR Duplicate master name.\n"},
		{"SENTINEL MONITOR two 127.0.0.1 2 1", "+OK\n"},
		{"ROLE", "*2\n$8\nsentinel\n*2\n$3\none\n$3\ntwo\n"},
		{"SENTINEL SET two quorum 4 auth-pass pw quorum 0", "-ERR Invalid argument '0' for SENTINEL SET 'quorum'\n"},
		{"SENTINEL SET nosuch quorum 0", "-ERR No such master with that name\n"},
		{"SENTINEL CKQUORUM two", "-NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master\n"},
		{"SENTINEL FAILOVER two", "-NOGOODSLAVE No suitable replica to promote\n"},
		{"SENTINEL RESET t*", ":1\n"},
		{"SENTINEL CONFIG SET announce-port 5000 announce-ip 10.9.8.7", "+OK\n"},
		{"SENTINEL CONFIG GET announce-*p*", "*4\n$11\nannounce-ip\n$8\n10.9.8.7\n$13\nannounce-port\n$4\n5000\n"},
		{"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *", "*3\n:0\n$1\n*\n:0\n"},
		{"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 3 " + idA, "*3\n:0\n$40\n" + idA + "\n:3\n"},
		{"SENTINEL FLUSHCONFIG", "+OK\n"},
		{"SENTINEL REMOVE two", "+OK\n"},
		{"SENTINEL MASTER two", "-ERR No such master with that name\n"},
		{"SENTINEL REPLICAS one", "*0\n"},
		{"SENTINEL SENTINELS one", "*0\n"},
		{"SENTINEL INFO-CACHE one", "*2\n$3\none\n*1\n*2\n:0\n$-1\n"},
	} {
		if got := c.Do(step.cmd); got != step.want {
			t.Errorf("%s\n got %q\nwant %q", step.cmd, got, step.want)
		}
	}
	for _, want := range []string{
		"+monitor master two 127.0.0.1 2 quorum 1", "+set master two 127.0.0.1 2 quorum 4",
		"+set master two 127.0.0.1 2 auth-pass ******", "+reset-master master two 127.0.0.1 2", "-monitor master two 127.0.0.1 2",
	} {
		v, err := sub.Value()
		if strings.Contains(v, "master one") { // of the start; it may be handed out after the subscription
			v, err = sub.Value()
		}
		lines := strings.Split(v, "\n")
		if err != nil || len(lines) < 9 || lines[6]+" "+lines[8] != want {
			t.Errorf("event %q, %v; want %q", v, err, want)
		}
	}

	c.Send("SHUTDOWN\r\n")
	if v, err := c.Value(); !resptest.Closed(err) {
		t.Errorf("SHUTDOWN is answered: %q, %v", v, err)
	}
	if err := <-ran; err != ErrShutdownByClient {
		t.Errorf("Run after SHUTDOWN: %v", err)
	}
}
