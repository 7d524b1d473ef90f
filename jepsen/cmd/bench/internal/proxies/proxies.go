package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Run measures and prints what it sees. The error says what could not be measured, or,
// with Options.Limits, which goal was missed.
func Run(ctx context.Context, o Options, out io.Writer) error {
	r := &report{out: out}
	var steady []string
	for _, name := range o.Rows {
		if name != "switchover" && name != "kill" {
			steady = append(steady, name)
		}
	}
	r.header(o)
	var errs []error
	if len(steady) > 0 {
		errs = append(errs, measureSteady(ctx, o, steady, r))
	}
	for _, row := range []struct {
		name string
		list []strike
	}{{"switchover", switchovers}, {"kill", kills}} {
		if slices.Contains(o.Rows, row.name) && ctx.Err() == nil {
			errs = append(errs, measureStrikes(ctx, o, row.list, r))
		}
	}
	if o.Limits {
		errs = append(errs, r.missed...)
	}
	return errors.Join(errs...)
}

// measureSteady measures what needs no failover, on one stage.
func measureSteady(ctx context.Context, o Options, rows []string, r *report) error {
	return cluster.Run(cluster.Config{Sentinel: o.Gosentinel}, func(c *cluster.Cluster) error {
		st, err := setStage(ctx, c, o, 0, 1)
		if err != nil {
			return err
		}
		ways, err := st.ways(ctx, o)
		if err != nil {
			return err
		}
		if err := fill(st.g.Servers[0].Addr()); err != nil {
			return err
		}
		for _, row := range rows {
			if err := steadyRows[row](ctx, o, ways, r); err != nil {
				return fmt.Errorf("%s: %w", row, err)
			}
		}
		return nil
	})
}

var steadyRows = map[string]func(context.Context, Options, []way, *report) error{
	"throughput": throughput, "mix": mixes, "latency": latency, "idle": idle,
}

// fill stores all keys of the mix.
func fill(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	var b []byte
	for key := range mixKeys {
		b = appendSet(b, key, mixLeast+key%(mixMost-mixLeast))
	}
	go func() { _, _ = conn.Write(b) }() // what is missing is missed below
	left := mixKeys * len("+OK\r\n")
	in := make([]byte, 64<<10)
	for left > 0 {
		n, err := conn.Read(in)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// inTurn measures each way once in each run, and returns the figures of each.
func inTurn[R any](ctx context.Context, runs int, ways []way, measure func(context.Context, way) (R, error)) ([][]R, error) {
	var sides []trial.Side[R]
	for _, w := range ways {
		sides = append(sides, trial.Side[R]{Name: w.name, Measure: func(ctx context.Context) (R, error) { return measure(ctx, w) }})
	}
	err := trial.Alternate(ctx, runs, sides, func(int, string, R) {})
	var all [][]R
	for _, s := range sides {
		all = append(all, s.Results)
	}
	return all, err
}

func throughput(ctx context.Context, o Options, ways []way, r *report) error {
	for _, c := range []struct {
		test     string
		pipeline int
	}{{"get", 1}, {"set", 1}, {"get", 16}, {"set", 16}} {
		n := o.Requests
		if c.pipeline > 1 {
			n *= 5
		}
		all, err := inTurn(ctx, o.Runs, ways, func(ctx context.Context, w way) (float64, error) {
			return redisBenchmark(ctx, w, c.test, n, c.pipeline)
		})
		if err != nil {
			return err
		}
		r.shares(fmt.Sprintf("%s -P %d", strings.ToUpper(c.test), c.pipeline), ways, all, c.pipeline)
	}
	return nil
}

// redisBenchmark returns requests per second.
func redisBenchmark(ctx context.Context, w way, test string, n, pipeline int) (float64, error) {
	out, err := exec.CommandContext(ctx, "redis-benchmark", "-p", strconv.Itoa(w.port), "-c", "50", "-t", test,
		"-n", strconv.Itoa(n), "-P", strconv.Itoa(pipeline), "--csv").Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.ReplaceAll(line, `"`, ""), ",")
		if len(fields) > 1 && strings.EqualFold(fields[0], test) {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("redis-benchmark printed %q", out)
}

func mixes(ctx context.Context, o Options, ways []way, r *report) error {
	for _, pipeline := range []int{1, 16} {
		all, err := inTurn(ctx, o.Runs, ways, func(ctx context.Context, w way) (float64, error) {
			return mix{conns: 50, pipeline: pipeline}.throughput(ctx, w, o.Span)
		})
		if err != nil {
			return err
		}
		r.shares(fmt.Sprintf("mix, %d in a row", pipeline), ways, all, pipeline)
	}
	return nil
}

func (m mix) throughput(ctx context.Context, w way, span time.Duration) (float64, error) {
	seen, err := m.run(ctx, w.addr(), span)
	if err == nil && seen.errors > 0 {
		err = fmt.Errorf("%s: %d errors", w.name, seen.errors)
	}
	return seen.perSecond(), err
}

// percentiles are of one run.
type percentiles struct{ p50, p99 time.Duration }

func latency(ctx context.Context, o Options, ways []way, r *report) error {
	most, err := mix{conns: 50, pipeline: 1}.throughput(ctx, ways[0], o.Span)
	if err != nil {
		return err
	}
	half := mix{conns: 50, pipeline: 1, rate: most / 2}
	all, err := inTurn(ctx, o.Runs, ways, func(ctx context.Context, w way) (percentiles, error) {
		seen, err := half.run(ctx, w.addr(), o.Span)
		return percentiles{seen.quantile(0.5), seen.quantile(0.99)}, err
	})
	if err != nil {
		return err
	}
	r.latency(half.rate, ways, all)
	return nil
}

func idle(ctx context.Context, o Options, ways []way, r *report) error {
	var sizes []size
	for _, w := range ways[1:] {
		before, err := memory(w.pid)
		if err != nil {
			return err
		}
		n := o.Idle
		if w.most > 0 {
			n = min(n, w.most)
		}
		with, err := crowded(ctx, w, n)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		sizes = append(sizes, size{n, before, with})
	}
	r.idle(ways[1:], sizes)
	return nil
}

// size is the memory of a proxy before it had clients, and with them.
type size struct {
	clients      int
	before, with int64
}

// crowded returns the memory of a proxy that has so many clients.
func crowded(ctx context.Context, w way, n int) (size int64, err error) {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	reply := make([]byte, 64)
	for range n {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		c, err := net.Dial("tcp", w.addr())
		if err != nil {
			return 0, err
		}
		conns = append(conns, c)
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Write([]byte("*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n")); err != nil {
			return 0, err
		}
		if k, err := c.Read(reply); err != nil || string(reply[:k]) != "$-1\r\n" {
			return 0, fmt.Errorf("client %d: %q, %w", len(conns), reply[:k], err)
		}
	}
	return memory(w.pid)
}

func measureStrikes(ctx context.Context, o Options, list []strike, r *report) error {
	var sides []trial.Side[struck]
	for _, s := range list {
		sides = append(sides, trial.Side[struck]{Name: s.name, Measure: func(ctx context.Context) (struck, error) { return s.measure(ctx, o) }})
	}
	err := trial.Alternate(ctx, o.Runs, sides, func(int, string, struck) {})
	for i, s := range sides {
		if len(s.Results) > 0 {
			r.strike(o, list[i], s.Results)
		}
	}
	return err
}
