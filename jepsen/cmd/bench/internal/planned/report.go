package planned

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// maxTakes is for how long the old master may take writes if limits are asked for.
const maxTakes = 20 * time.Millisecond

func printHeader(w io.Writer, o Options) {
	words := strings.Join(append([]string{"SENTINEL FAILOVER mymaster"}, o.Words...), " ")
	fmt.Fprintf(w, "%s, %d Sentinels, down-after %d ms, %d runs of each with %d switchovers\n", words, o.Sentinels, o.DownAfter.Milliseconds(), o.Runs, o.Repeat)
	fmt.Fprintln(w, "lost: acknowledged writes that are gone, of clients that follow and that stick.")
	fmt.Fprintln(w, "gap: longest time without an acknowledgement to those that follow, and the same in")
	fmt.Fprintln(w, "the second before; stall: longest wait of one, to the end. takes: the old master took")
	fmt.Fprintln(w, "writes for so long. full: full resynchronisations. conn, client: errors of one")
	fmt.Fprintln(w, "connection, one client. Times in ms.")
}

func printRow(w io.Writer, row Row) {
	fmt.Fprintf(w, "\n%s: %s\n", row.Name, row.Text)
	fmt.Fprintf(w, "%3s %-14s %8s %6s %6s %7s %6s %7s %8s %4s %4s %6s\n", "run", "program", "switched", "lost", "sticky", "gap", "before", "stall", "takes", "full", "conn", "client")
}

func printRun(w io.Writer, run int, name string, r result) {
	fmt.Fprintf(w, "%3d %-14.14s %8.1f %6d %6d %7.1f %6.1f %7.1f %8.1f %4d %4d %6d", run, name,
		ms(r.Switched), r.LostFollow, r.LostStay, ms(r.Gap), ms(r.Noise), ms(r.Stall), ms(r.Takes), r.Fulls, r.PerConn, r.PerClient)
	if r.Refused != "" {
		fmt.Fprintf(w, "\n    refused: %s", r.Refused)
	}
	fmt.Fprintln(w)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// metric is one figure of a switchover.
type metric struct {
	name string
	of   func(result) float64
}

var metrics = []metric{
	{"switched after, ms", func(r result) float64 { return ms(r.Switched) }},
	{"lost, following", func(r result) float64 { return float64(r.LostFollow) }},
	{"lost, sticky", func(r result) float64 { return float64(r.LostStay) }},
	{"gap, ms", func(r result) float64 { return ms(r.Gap) }},
	{"gap before, ms", func(r result) float64 { return ms(r.Noise) }},
	{"stall, ms", func(r result) float64 { return ms(r.Stall) }},
	{"takes writes, ms", func(r result) float64 { return ms(r.Takes) }},
	{"full resyncs", func(r result) float64 { return float64(r.Fulls) }},
	{"errors, connection", func(r result) float64 { return float64(r.PerConn) }},
	{"errors, client", func(r result) float64 { return float64(r.PerClient) }},
}

func printSummary(w io.Writer, sides []side) {
	fmt.Fprintf(w, "\n  %-20s", "median / max of")
	for _, s := range sides {
		n, refused := 0, 0
		for _, r := range slices.Concat(s.Results...) {
			if n++; r.Refused != "" {
				refused++
			}
		}
		fmt.Fprintf(w, " %20s", fmt.Sprintf("%.12s: %d", s.Name, n))
		if refused > 0 {
			fmt.Fprintf(w, " (%d refused)", refused)
		}
	}
	fmt.Fprintln(w)
	for _, m := range metrics {
		fmt.Fprintf(w, "  %-20s", m.name)
		for _, s := range sides {
			fmt.Fprintf(w, " %20s", m.sum(slices.Concat(s.Results...)))
		}
		fmt.Fprintln(w)
	}
}

// sum returns the median and the largest of a figure.
func (m metric) sum(results []result) string {
	if len(results) == 0 {
		return "-"
	}
	v := make([]float64, len(results))
	for i, r := range results {
		v[i] = m.of(r)
	}
	slices.Sort(v)
	return fmt.Sprintf("%.1f / %.1f", trial.Quantile(v, 0.5), v[len(v)-1])
}
