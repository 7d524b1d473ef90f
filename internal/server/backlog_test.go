package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

func voteRequest(epoch int) string {
	return fmt.Sprintf("SENTINEL IS-MASTER-DOWN-BY-ADDR 10.0.0.1 6379 %d %s\r\n", epoch, idA)
}

func voteReply(epoch int) string { return fmt.Sprintf("*3\n:1\n$40\n%s\n:%d\n", idA, epoch) }

func vote(epoch int) monitor.Reply {
	return monitor.Reply{Down: true, Leader: idA, Epoch: monitor.Epoch(epoch)}
}

// startVoter starts a server whose engine answers requests for votes when the test says
// so.
func startVoter(t *testing.T, room int) *testServer {
	b := newFakeEngine()
	b.votes, b.gone = make(chan func(monitor.Reply), room), make(chan struct{})
	return startServer(t, Config{}, b, pubsub.Limits{})
}

func expect(t *testing.T, c *resptest.Conn, replies ...string) {
	t.Helper()
	for i, want := range replies {
		if v, err := c.Value(); err != nil || v != want {
			t.Fatalf("value %d: %q, %v; want %q", i, v, err, want)
		}
	}
}

// TestVotesShareASave: all requests of a pipeline reach the core before the first of
// them is answered, and all replies keep the order of the commands, whatever the order
// of the answers.
func TestVotesShareASave(t *testing.T) {
	const n = 200
	ts := startVoter(t, n)
	c := ts.dial(t)
	var in strings.Builder
	var want []string
	for i := range n {
		in.WriteString(voteRequest(i) + fmt.Sprintf("PING %d\r\n", i))
		want = append(want, voteReply(i), fmt.Sprintf("$%d\n%d\n", len(fmt.Sprint(i)), i))
	}
	c.Send("PING first\r\n" + in.String())
	expect(t, c, "$5\nfirst\n")
	var answer [n]func(monitor.Reply)
	for i := range n {
		answer[i] = <-ts.fake.votes // all before the first answer
	}
	for i := range n {
		k := (i + n/2) % n
		answer[k](vote(k))
	}
	expect(t, c, want...)
	c.Send("PING direct\r\n")
	expect(t, c, "$6\ndirect\n")
}

// TestBehindAVote: what a command behind a vote depends on is as it would be without
// the wait.
func TestBehindAVote(t *testing.T) {
	for name, test := range map[string]struct {
		behind string
		want   []string
	}{
		"an error":         {"NOSUCH\r\n", []string{voteReply(1), "-ERR unknown command 'NOSUCH', with args beginning with: \n"}},
		"another protocol": {"HELLO 3\r\nCLIENT TRACKINGINFO\r\nHELLO 2\r\n", []string{voteReply(1), "%6\n$6"}},
		"no reply":         {"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n", []string{voteReply(1), "+OK\n"}},
		"a subscription":   {"SUBSCRIBE x\r\nPING\r\n", []string{voteReply(1), "*3\n$9\nsubscribe\n$1\nx\n:1\n", "*2\n$4\npong\n$0\n\n"}},
		"the end":          {"QUIT\r\nPING\r\n", []string{voteReply(1), "+OK\n"}},
		"a violation":      {"*1\r\n$x\r\n", []string{voteReply(1), "-ERR Protocol error: invalid bulk length\n"}},
		"a killed client":  {"CLIENT KILL ID 1 SKIPME no\r\n", []string{voteReply(1), ":1\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := startVoter(t, 1)
			c := ts.dial(t)
			c.Send(voteRequest(1) + test.behind)
			(<-ts.fake.votes)(vote(1))
			for i, want := range test.want {
				if v, err := c.Value(); err != nil || !strings.HasPrefix(v, want) {
					t.Fatalf("value %d: %q, %v; want %q", i, v, err, want)
				}
			}
		})
	}
}

// TestVoteWithoutAReply: CLIENT REPLY takes the reply that comes later away too.
func TestVoteWithoutAReply(t *testing.T) {
	ts := startVoter(t, 2)
	c := ts.dial(t)
	c.Send("CLIENT REPLY SKIP\r\n" + voteRequest(1) + voteRequest(2) + "PING\r\n")
	first, second := <-ts.fake.votes, <-ts.fake.votes
	second(vote(2))
	first(vote(1))
	expect(t, c, voteReply(2), "+PONG\n")
}

// TestHalfClosedVote: a client that sends no more still gets what it asked for.
func TestHalfClosedVote(t *testing.T) {
	ts := startVoter(t, 1)
	c := ts.dial(t)
	c.Send(voteRequest(7) + "PING\r\n")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	(<-ts.fake.votes)(vote(7))
	expect(t, c, voteReply(7), "+PONG\n")
	if v, err := c.Value(); err != io.EOF {
		t.Errorf("then %q, %v", v, err)
	}
}

// TestEndWithVotesUnderWay: neither a client that is gone nor the end of the engine
// leaves anything behind.
func TestEndWithVotesUnderWay(t *testing.T) {
	ts := startVoter(t, 2)
	gone, stays := ts.dial(t), ts.dial(t)
	gone.Send(voteRequest(1))
	answer := <-ts.fake.votes
	gone.Close()
	answer(vote(1))
	stays.Send(voteRequest(2))
	<-ts.fake.votes
	close(ts.fake.gone)
	expect(t, stays, "-ERR this Sentinel is shutting down\n")
}

// TestBacklogIsBounded: a connection whose replies wait executes only so much more.
func TestBacklogIsBounded(t *testing.T) {
	const n = maxBacklog/bytesByPromise + 10
	ts := startVoter(t, n)
	c := ts.dial(t)
	go io.WriteString(c.Conn, strings.Repeat(voteRequest(1), n))
	var answers []func(monitor.Reply)
	for range maxBacklog / bytesByPromise {
		answers = append(answers, <-ts.fake.votes)
	}
	for ts.backlogs.Load() <= maxBacklog-2*bytesByPromise { // the first is with who writes
		answers = append(answers, <-ts.fake.votes)
	}
	if len(answers) > n-5 {
		t.Fatalf("%d requests were executed before any was answered", len(answers))
	}
	for i := range n {
		if i == len(answers) {
			answers = append(answers, <-ts.fake.votes)
		}
		answers[i](vote(1))
	}
	for range n {
		expect(t, c, voteReply(1))
	}
	if left := ts.backlogs.Load(); left != 0 {
		t.Errorf("%d bytes are still counted", left)
	}
}
