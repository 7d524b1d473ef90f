package agreement

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// metric is one figure of a run.
type metric struct {
	name string
	of   func(result) time.Duration
}

var metrics = []metric{
	{"odown", func(r result) time.Duration { return r.odown }},
	{"address", func(r result) time.Duration { return r.address }},
}

func printHeader(w io.Writer, o Options) {
	fmt.Fprintf(w, "Agreement of %d Sentinels with quorum %d on 1 master and %d replicas, down-after %d ms, SIGKILL\n",
		o.Sentinels, o.Quorum(), o.Replicas, o.DownAfter.Milliseconds())
	fmt.Fprintf(w, "All times in ms. spread: from the first +sdown to the one that makes the quorum.\n")
	fmt.Fprintf(w, "odown: from that one to +odown on the leader. address: from the promotion to\n")
	fmt.Fprintf(w, "+switch-master on all others.\n\n")
	fmt.Fprintf(w, "%3s %-10s %8s %8s %8s\n", "run", "", "spread", "odown", "address")
}

func printRow(w io.Writer, run int, name string, r result) {
	fmt.Fprintf(w, "%3d %-10s %8.1f %8.1f %8.1f\n", run, name, ms(r.spread), ms(r.odown), ms(r.address))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func printSummary(w io.Writer, sides []side) {
	for _, m := range metrics {
		fmt.Fprintf(w, "\n%-12s %5s %7s %7s %7s %7s   (ms)\n", m.name, "runs", "min", "median", "p90", "max")
		for _, s := range sides {
			v := sorted(s.Results, m.of)
			fmt.Fprintf(w, "  %-10s %5d %7.1f %7.1f %7.1f %7.1f\n", s.Name, len(v), ms(v[0]), ms(trial.Quantile(v, 0.5)), ms(trial.Quantile(v, 0.9)), ms(v[len(v)-1]))
		}
	}
}

func sorted(results []result, of func(result) time.Duration) []time.Duration {
	v := make([]time.Duration, len(results))
	for i, r := range results {
		v[i] = of(r)
	}
	slices.Sort(v)
	return v
}
