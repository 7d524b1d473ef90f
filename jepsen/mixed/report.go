package mixed

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"
)

// printer writes whole lines, as experiments run side by side.
type printer struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *printer) violations(list []string) {
	for _, text := range list {
		p.line("      VIOLATION: %s", text)
	}
}

var faults = map[syscall.Signal]string{syscall.SIGKILL: "kill", syscall.SIGSTOP: "stop"}

func (p *printer) failoverHeader(o Experiments) {
	p.line("Failovers, down-after %d ms. kill: SIGKILL to the master, stop: SIGSTOP.", o.DownAfter.Milliseconds())
	p.line("head start: the stock Sentinels alone are in time, so that one of them leads.")
	p.line("Times in ms from the signal: first +sdown, first +odown, +elected-leader, +promoted-slave,")
	p.line("all Sentinels agree, longest gap between two writes of a client.\n")
	p.line("%-5s %3s %-5s %-10s %-5s %5s %5s %5s %7s %8s %6s %6s %4s %5s %5s", "ratio", "run", "fault", "head start", "led",
		"epoch", "sdown", "odown", "elected", "promoted", "agreed", "client", "cand", "retry", "abort")
}

func (p *printer) run(r Run) {
	head := "-"
	if r.HeadStart != "" {
		head = string(r.HeadStart)
	}
	p.line("%-5s %3d %-5s %-10s %-5s %5s %5d %5d %7d %8d %6d %6d %4d %5d %5d", r.Ratio, r.N, faults[r.Fault], head, r.Led, r.Epoch,
		r.SDown.Milliseconds(), r.ODown.Milliseconds(), r.Elected.Milliseconds(), r.Promoted.Milliseconds(),
		r.Agreed.Milliseconds(), r.Client.Longest.Milliseconds(), r.Candidates, r.Retries, r.Aborts)
	p.violations(r.Violations)
}

func (p *printer) failoverSummary(o Experiments, all []Run) {
	p.line("\nAfter each of them all Sentinels were compared: address, epochs, members, CKQUORUM, files.")
	p.line("%-5s %9s %9s %14s %6s %8s   %s", "ratio", "failovers", "disagreed", "double leaders", "aborts", "led by", "agreed, median ms (kill, stop)")
	for _, ratio := range o.Ratios {
		for _, k := range []Kind{Stock, Ours} {
			var disagreed, double, aborts, n int
			times := map[syscall.Signal][]time.Duration{}
			for _, r := range all {
				if r.Ratio != ratio || r.Led != k {
					continue
				}
				n++
				aborts += r.Aborts
				if r.SecondLeader {
					double++
				}
				if len(r.Violations) > 0 {
					disagreed++
				}
				times[r.Fault] = append(times[r.Fault], r.Agreed)
			}
			p.line("%-5s %9d %9d %14d %6d %8s   %s, %s", ratio, n, disagreed, double, aborts, k,
				medianMS(times[syscall.SIGKILL]), medianMS(times[syscall.SIGSTOP]))
		}
	}
}

// medianMS returns the median in ms, or "-" when there is nothing.
func medianMS(list []time.Duration) string {
	if len(list) == 0 {
		return "-"
	}
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return fmt.Sprint(((list[(n-1)/2] + list[n/2]) / 2).Milliseconds())
}

func (p *printer) tourHeader(o Experiments) {
	p.line("\nReplacing 3 stock Sentinels by gosentinels and back, on the same ports and files, with")
	p.line("%d writes/s. Slow ones stay away until the others notice. away: ms without an answer.\n", o.PerSecond)
	p.line("%4s %4s %-10s %-5s %-5s %6s %5s %17s", "tour", "step", "node", "from", "to", "away", "slow", "CKQUORUM answered")
}

func (p *printer) step(tour int, s Step) {
	slow := "no"
	if s.Slow {
		slow = "yes"
	}
	p.line("%4d %4d %-10s %-5s %-5s %6d %5s %17d", tour, s.N, s.Node, s.From, s.To, s.Away.Milliseconds(), slow, s.Polls)
}

func (p *printer) tour(n int, r Rolled) {
	w := r.Written
	p.line("tour %d: %d writes in %.1f s (%.0f/s), %d failed, longest gap %d ms; CKQUORUM %d times, %d not OK",
		n, w.Acked, w.Elapsed.Seconds(), w.Rate(), w.Failed, w.Longest.Milliseconds(), r.Polls, r.NoQuorum)
	p.violations(r.Violations)
}

func (p *printer) burstHeader(o Experiments) {
	p.line("\nBursts: %d masters get SIGKILL at once. late: by how many ms the down-after of the gosentinels", o.Masters)
	p.line("is longer. Times in ms until the first and the last master was replaced everywhere.")
	p.line("Figures of Sentinels: stock/ours. derailed: elections of stock Sentinels that were given up")
	p.line("after a gosentinel had stood, too. superseded: leaders that another one followed, in a later")
	p.line("epoch, before they were done. double: two leaders in one epoch.\n")
	p.line("%-5s %5s %5s %6s %6s %8s %8s %7s %8s %10s %6s", "ratio", "round", "late", "first", "last", "attempts", "elected", "aborted", "derailed", "superseded", "double")
}

func pair(m map[Kind]int) string { return fmt.Sprintf("%d/%d", m[Stock], m[Ours]) }

func (p *printer) round(r Round) {
	p.line("%-5s %5d %5d %6d %6d %8s %8s %7s %8d %10s %6d", r.Ratio, r.N, r.Late.Milliseconds(), r.First.Milliseconds(), r.Last.Milliseconds(),
		pair(r.Attempts), pair(r.Leaders), pair(r.Aborts), len(r.Derailed), pair(r.Superseded), len(r.DoubleLeaders))
	p.violations(r.Violations)
	for _, line := range r.Elections {
		p.line("      %s", line)
	}
}

func (p *printer) burstSummary(sets []Ratio, all []Round) {
	p.line("")
	for _, ratio := range sets {
		rounds, derailed, double := 0, 0, 0
		sum := [4]map[Kind]int{{}, {}, {}, {}}
		var last []time.Duration
		for _, r := range all {
			if r.Ratio != ratio {
				continue
			}
			rounds++
			derailed += len(r.Derailed)
			double += len(r.DoubleLeaders)
			last = append(last, r.Last)
			for i, m := range []map[Kind]int{r.Attempts, r.Leaders, r.Aborts, r.Superseded} {
				sum[i][Stock] += m[Stock]
				sum[i][Ours] += m[Ours]
			}
		}
		p.line("%s: %d bursts, attempts %s, elected %s, aborted %s, derailed %d, superseded %s, double leaders %d; last master after %s ms (median)",
			ratio, rounds, pair(sum[0]), pair(sum[1]), pair(sum[2]), derailed, pair(sum[3]), double, medianMS(last))
	}
}
