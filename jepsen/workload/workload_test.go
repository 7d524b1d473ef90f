package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is an error reply of a server.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// TestOutcome: only what has certainly not happened counts as failed.
func TestOutcome(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errors.New("connection refused"))}
	for _, c := range []struct {
		err  error
		want history.Outcome
		kind string
	}{
		{nil, history.OK, ""},
		{fmt.Errorf("x: %w", refused), history.Fail, "connection refused"},
		{errors.New("redis: all sentinels specified in configuration are unreachable"), history.Fail, "unreachable"},
		{redis.ErrPoolTimeout, history.Fail, redis.ErrPoolTimeout.Error()},
		{reply("READONLY You can't write against a read only replica."), history.Fail, "READONLY"},
		{reply("NOREPLICAS Not enough good replicas to write."), history.Fail, "NOREPLICAS"},
		{reply("ERR unknown"), history.Unknown, "ERR"},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, history.Unknown, "connection reset"},
		{context.DeadlineExceeded, history.Unknown, "timeout"},
		{errNotReplicated, history.Unknown, errNotReplicated.Error()},
	} {
		if got := outcome(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
		if got := kind(c.err); got != c.kind {
			t.Errorf("%v is called %q, want %q", c.err, got, c.kind)
		}
	}
}

func TestNumbers(t *testing.T) {
	if got, err := numbers([]string{"1", "-2"}); err != nil || fmt.Sprint(got) != "[1 -2]" {
		t.Error(got, err)
	}
	if _, err := numbers([]string{"x"}); err == nil {
		t.Error("x is a number")
	}
}
