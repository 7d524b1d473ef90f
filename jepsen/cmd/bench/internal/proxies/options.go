package proxies

import (
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	trial.Setup
	Rows       []string      // names of Rows
	Requests   int           // of a run of redis-benchmark without pipelining; with it, five times as many
	Span       time.Duration // of a run of the mix
	Idle       int           // clients
	Rate       int           // requests per second during a failover
	Limits     bool          // fail if the proxy of gosentinel misses a goal
	Gosentinel []string      // the command
}

// Row is something to measure.
type Row struct{ Name, Text string }

// Rows are all there is to measure.
var Rows = []Row{
	{"throughput", "redis-benchmark -c 50: GET and SET, -P 1 and -P 16"},
	{"mix", "10 reads to a write of 32 to 1024 bytes, closed loop, one and 16 in a row"},
	{"latency", "p50 and p99 of the mix at half of the direct throughput"},
	{"idle", "memory with many idle clients"},
	{"switchover", "SENTINEL FAILOVER under load"},
	{"kill", "kill -9 of the master under load, with each rule for what was in flight"},
}

// Named returns the rows with these names, separated by commas, or all.
func Named(list string) (names []string, err error) {
	known := map[string]bool{}
	var all []string
	for _, r := range Rows {
		known[r.Name] = true
		all = append(all, r.Name)
	}
	if list == "all" {
		return all, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); !known[name] {
			return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(all, ", "))
		}
		names = append(names, name)
	}
	return names, nil
}

// Goals of the proxy.
const (
	goalPlain     = 0.85 // share of direct, one request at a time
	goalPipelined = 0.90 // and 16 in a row
	goalP99       = 2.0  // times direct
	goalIdle      = 150 << 20
	goalSwitch    = 100 * time.Millisecond
	goalKill      = 150 * time.Millisecond // more than down-after
)
