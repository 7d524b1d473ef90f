package proxies

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// report prints, and keeps which goals were missed.
type report struct {
	out    io.Writer
	missed []error
	titled bool
}

func (r *report) line(format string, args ...any) {
	_, _ = fmt.Fprintln(r.out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (r *report) header(o Options) {
	r.line("proxies: %d runs in turn, %d processors", o.Runs, runtime.NumCPU())
}

// goal notes whether a goal is met, and returns the words for that.
func (r *report) goal(ok bool, row, goal string) string {
	if ok {
		return "met: " + goal
	}
	r.missed = append(r.missed, fmt.Errorf("%s: the goal is %s", row, goal))
	return "MISSED: " + goal
}

func median[T ~float64 | ~int64](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return trial.Quantile(list, 0.5)
}

// shares prints a row of throughputs, of which the first is direct and the second ours.
func (r *report) shares(row string, ways []way, all [][]float64, pipeline int) {
	if !r.titled {
		r.titled = true
		title := fmt.Sprintf("\n%-18s %14s", "requests/s", ways[0].name)
		for _, w := range ways[1:] {
			title += fmt.Sprintf(" %12s", w.name)
		}
		r.line("%s", title)
	}
	direct := median(all[0])
	text, share := fmt.Sprintf("%-18s %14.0f", row, direct), make([]float64, len(ways))
	for i := 1; i < len(ways); i++ {
		share[i] = median(all[i]) / direct
		text += fmt.Sprintf(" %12.2f", share[i])
	}
	goal, ok := fmt.Sprintf("%.2f, above haproxy", goalPlain), share[1] >= goalPlain && share[1] > share[2]
	if pipeline > 1 {
		goal, ok = fmt.Sprintf("%.2f, above both", goalPipelined), share[1] >= goalPipelined && share[1] > max(share[2], share[3])
	}
	r.line("%s  %s", text, r.goal(ok, row, goal))
}

func (r *report) latency(rate float64, ways []way, all [][]percentiles) {
	r.line("\nlatency of the mix at %.0f requests/s, half of direct", rate)
	direct := time.Duration(0)
	for i, w := range ways {
		var p50, p99 []time.Duration
		for _, p := range all[i] {
			p50, p99 = append(p50, p.p50), append(p99, p.p99)
		}
		verdict := ""
		switch m := median(p99); i {
		case 0:
			direct = m
		case 1:
			verdict = r.goal(m <= time.Duration(goalP99*float64(direct)), "latency", fmt.Sprintf("p99 at most %.0f times direct", goalP99))
		}
		r.line("%-18s p50 %6.3f ms  p99 %6.3f ms  %s", w.name, ms(median(p50)), ms(median(p99)), verdict)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (r *report) idle(ways []way, sizes []size) {
	r.line("\nmemory with idle clients")
	for i, w := range ways {
		verdict := ""
		if i == 0 {
			verdict = r.goal(sizes[i].with <= goalIdle, "idle", fmt.Sprintf("at most %d MB", goalIdle>>20))
		}
		r.line("%-18s %4d MB for %d clients (%d MB before)  %s", w.name, sizes[i].with>>20, sizes[i].clients, sizes[i].before>>20, verdict)
	}
}

// strike prints what the clients have seen.
func (r *report) strike(o Options, s strike, list []struck) {
	var worst struck
	for _, x := range list {
		worst.acked += x.acked
		worst.lost += x.lost
		worst.readErrors += x.readErrors
		worst.writeErrors += x.writeErrors
		worst.perConn = max(worst.perConn, x.perConn)
		worst.before = max(worst.before, x.before)
		if x.firstMessage != "" {
			worst.firstMessage = x.firstMessage
		}
	}
	waits := sorted(list, func(r struck) time.Duration { return r.longest })
	switched := sorted(list, func(r struck) time.Duration { return r.switched })
	longest := waits[len(waits)-1]
	r.line("\n%s at %d requests/s, %d clients, %d runs", s.name, o.Rate, strikeClients, len(list))
	if s.planned {
		r.line("  longest pause  median %.1f ms, most %.1f ms (%.1f ms before it)  %s", ms(trial.Quantile(waits, 0.5)), ms(longest), ms(worst.before),
			r.goal(longest <= goalSwitch, s.name, fmt.Sprintf("at most %v", goalSwitch)))
		r.line("  errors %d, lost %d of %d  %s", worst.readErrors+worst.writeErrors, worst.lost, worst.acked,
			r.goal(worst.readErrors+worst.writeErrors+worst.lost == 0, s.name, "none"))
	} else {
		r.line("  longest pause  down-after + median %.1f ms, most %.1f ms (%.1f ms before it)  %s", ms(trial.Quantile(waits, 0.5)-o.DownAfter), ms(longest-o.DownAfter), ms(worst.before),
			r.goal(longest-o.DownAfter <= goalKill, s.name, fmt.Sprintf("at most %v", goalKill)))
		r.line("  the Sentinels  down-after + median %.1f ms, most %.1f ms until the first has switched", ms(trial.Quantile(switched, 0.5)-o.DownAfter), ms(switched[len(switched)-1]-o.DownAfter))
		most := "at most one per connection"
		ok := worst.perConn <= 1
		if s.inflight == "retry-idempotent" {
			most, ok = most+", none of reads", ok && worst.readErrors == 0
		}
		r.line("  errors: %d of reads, %d of writes, at most %d of one connection; lost %d of %d (replication is asynchronous)  %s",
			worst.readErrors, worst.writeErrors, worst.perConn, worst.lost, worst.acked, r.goal(ok, s.name, most))
	}
	if worst.firstMessage != "" {
		r.line("  such as: %s", worst.firstMessage)
	}
}
