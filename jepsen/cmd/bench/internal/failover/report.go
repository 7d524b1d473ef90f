package failover

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

func printHeader(w io.Writer, o Options) {
	fmt.Fprintf(w, "Failover of 1 master and %d replicas by %d Sentinels, down-after %d ms, SIG%s\n",
		o.Replicas, o.Sentinels, o.DownAfter.Milliseconds(), o.Signal)
	fmt.Fprintf(w, "All times in ms from the signal. write: a replica accepted its first write.\n")
	fmt.Fprintf(w, "client: the same, and a Sentinel told clients to go there.\n\n")
	fmt.Fprintf(w, "%3s %-15s %5s %5s %7s %8s %6s %5s %6s %4s %4s %5s %5s\n",
		"run", "program", "sdown", "odown", "elected", "promoted", "switch", "write", "client", "lead", "cand", "retry", "abort")
}

func printRow(w io.Writer, run int, name string, r result) {
	mark := ""
	if r.SecondLeader {
		mark = "  SECOND LEADER"
	}
	fmt.Fprintf(w, "%3d %-15.15s %5d %5d %7d %8d %6d %5d %6d %4d %4d %5d %5d%s\n", run, name,
		r.SDown.Milliseconds(), r.ODown.Milliseconds(), r.Elected.Milliseconds(), r.Promoted.Milliseconds(),
		r.Switched.Milliseconds(), r.firstWrite.Milliseconds(), r.client().Milliseconds(), r.Leaders, r.Candidates, r.Retries, r.Aborts, mark)
}

// metric is one figure of a run.
type metric struct {
	name string
	of   func(result) time.Duration
}

// metrics are what is summed up; the first one is drawn and judged.
var metrics = []metric{
	{"client's write", result.client},
	{"first write", func(r result) time.Duration { return r.firstWrite }},
}

func printSummary(w io.Writer, o Options, sides []side) {
	for _, m := range metrics {
		fmt.Fprintf(w, "\n%-18s %5s %6s %6s %6s %6s %6s %6s   (ms after down-after)\n",
			m.name, "runs", "min", "median", "p90", "p99", "max", "mean")
		for _, s := range sides {
			v := overDownAfter(s.Results, m, o.DownAfter)
			var sum float64
			for _, x := range v {
				sum += x
			}
			fmt.Fprintf(w, "  %-16.16s %5d %6.0f %6.0f %6.0f %6.0f %6.0f %6.0f\n", s.Name, len(v),
				v[0], trial.Quantile(v, 0.5), trial.Quantile(v, 0.9), trial.Quantile(v, 0.99), v[len(v)-1], sum/float64(len(v)))
		}
		if len(sides) == 2 {
			a, b := overDownAfter(sides[0].Results, m, o.DownAfter), overDownAfter(sides[1].Results, m, o.DownAfter)
			fmt.Fprintf(w, "  the median of %s is %.2f of that of %s\n",
				sides[0].Name, trial.Quantile(a, 0.5)/trial.Quantile(b, 0.5), sides[1].Name)
		}
	}
	fmt.Fprintln(w)
	for _, s := range sides {
		printSafety(w, s)
	}
	printHistogram(w, o, sides)
}

func printSafety(w io.Writer, s side) {
	var second, rivals, retried, aborts int
	for _, r := range s.Results {
		if r.SecondLeader {
			second++
		}
		if r.Candidates > 1 {
			rivals++
		}
		if r.Retries > 0 {
			retried++
		}
		aborts += r.Aborts
	}
	fmt.Fprintf(w, "%s: runs with a second leader %d, with several candidates %d, with a retry %d; aborts %d\n",
		s.Name, second, rivals, retried, aborts)
}

const (
	bins     = 16
	barWidth = 40
)

// printHistogram draws each side on a scale of its own: on a common one, the
// distribution of the faster one would be a single bar.
func printHistogram(w io.Writer, o Options, sides []side) {
	for _, s := range sides {
		v := overDownAfter(s.Results, metrics[0], o.DownAfter)
		width := binWidth(v[len(v)-1] - v[0])
		low := math.Floor(v[0]/width) * width
		counts := make([]int, int((v[len(v)-1]-low)/width)+1)
		for _, x := range v {
			counts[int((x-low)/width)]++
		}
		fmt.Fprintf(w, "\n%s: %s, ms after down-after\n", s.Name, metrics[0].name)
		unit := max(1, float64(slices.Max(counts))/barWidth)
		for i, n := range counts {
			from := low + float64(i)*width
			bar := strings.Repeat("█", int(math.Ceil(float64(n)/unit)))
			line := fmt.Sprintf("  %6.0f..%-6.0f %3d %s", from, from+width, n, bar)
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
}

// binWidth returns the smallest round width that needs no more than so many bins.
func binWidth(span float64) float64 {
	for scale := 1.0; ; scale *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if span/(step*scale) < bins-1 {
				return step * scale
			}
		}
	}
}

// overDownAfter returns the sorted figures less down-after, in ms.
func overDownAfter(results []result, m metric, downAfter time.Duration) []float64 {
	v := make([]float64, len(results))
	for i, r := range results {
		v[i] = float64(m.of(r)-downAfter) / float64(time.Millisecond)
	}
	slices.Sort(v)
	return v
}

func median(results []result) time.Duration {
	return time.Duration(trial.Quantile(overDownAfter(results, metrics[0], 0), 0.5) * float64(time.Millisecond))
}
