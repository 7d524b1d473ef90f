package scale

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// commandRows are the commands that clients send most, by redis-benchmark.
var commandRows = []Row{
	commandRow("ping", "PING of 50 clients", 1, []string{"PING"}, more("requests", "1/s", 1, 0.95), ratio("CPU a command", "µs", 1.1, 1.2)),
	commandRow("ping16", "the same, 16 at a time", 16, []string{"PING"}, more("requests", "1/s", 1, 0.9), ratio("CPU a command", "µs", 0.9, 1.1)),
	commandRow("address", "GET-MASTER-ADDR-BY-NAME of 50 clients", 1, address, more("requests", "1/s", 1, 0.85), ratio("CPU a command", "µs", 1, 1.15)),
	commandRow("address16", "the same, 16 at a time", 16, address, more("requests", "1/s", 1.15, 1), ratio("CPU a command", "µs", 0.85, 1)),
}

var address = []string{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m0"}

func commandRow(name, text string, pipeline int, words []string, figures ...Figure) Row {
	return Row{
		Name: name, Text: text, Figures: append(figures, ratio("p99", "ms", 1, 1.3)),
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			if err := s.enter(ctx, setting{Layout: fleet.Layout{Masters: 1, Replicas: 1}}); err != nil {
				return nil, err
			}
			n, commands := s.sentinels[0], s.size(300000, 60000)*min(pipeline, 4)
			if _, err := hammer(ctx, n.Port(), commands/10, pipeline, words); err != nil { // warm up
				return nil, err
			}
			before, err := usageOf(n.PID())
			if err != nil {
				return nil, err
			}
			h, err := hammer(ctx, n.Port(), commands, pipeline, words)
			if err != nil {
				return nil, err
			}
			after, err := usageOf(n.PID())
			if err != nil {
				return nil, err
			}
			return []float64{h.perSecond, float64(after.since(before).CPU.Nanoseconds()) / 1000 / float64(commands), h.p99}, nil
		},
	}
}

// hammered is what redis-benchmark says.
type hammered struct{ perSecond, p99 float64 }

func hammer(ctx context.Context, port, commands, pipeline int, words []string) (hammered, error) {
	args := append([]string{"-p", strconv.Itoa(port), "-c", "50", "-n", strconv.Itoa(commands), "-P", strconv.Itoa(pipeline), "--csv"}, words...)
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).Output()
	if err != nil {
		return hammered{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	return parseHammered(string(out))
}

var errNoBenchmark = errors.New("redis-benchmark said nothing that can be understood")

// parseHammered reads two lines of names and values: "test","rps",...,"p99_latency_ms".
func parseHammered(out string) (hammered, error) {
	if i := strings.Index(out, `"test"`); i > 0 {
		out = out[i:] // a warning comes first
	}
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	lines, err := r.ReadAll()
	if err != nil || len(lines) < 2 {
		return hammered{}, fmt.Errorf("%w: %q", errNoBenchmark, out)
	}
	var h hammered
	found := 0
	for i, name := range lines[0] {
		if i >= len(lines[1]) {
			break
		}
		to := map[string]*float64{"rps": &h.perSecond, "p99_latency_ms": &h.p99}[name]
		if to == nil {
			continue
		}
		if *to, err = strconv.ParseFloat(lines[1][i], 64); err != nil {
			return hammered{}, fmt.Errorf("%w: %q", errNoBenchmark, out)
		}
		found++
	}
	if found != 2 {
		return hammered{}, fmt.Errorf("%w: %q", errNoBenchmark, out)
	}
	return h, nil
}
