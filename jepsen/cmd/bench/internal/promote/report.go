package promote

import (
	"fmt"
	"io"
	"time"
)

// String returns the try in words.
func (t try) String() string {
	return fmt.Sprintf("try %d (%s, %s, %s, after %v)", t.n, t.moment, t.fault(), t.company(), t.after.Round(time.Millisecond))
}

func (t try) fault() string {
	if t.kill {
		return "kill"
	}
	return "planned"
}

func (t try) company() string {
	switch {
	case !t.beside:
		return "alone"
	case t.ranked:
		return "ranked"
	}
	return "beside"
}

func printHeader(w io.Writer, o Options) {
	fmt.Fprintf(w, "%d tries of each program, %d keys, %d Sentinels, down-after %d ms, seed %d\n", o.Runs, keys, o.Sentinels, o.DownAfter.Milliseconds(), o.Seed)
	fmt.Fprintln(w, "fresh, empty, rdb, aof, full: how the replica came to lack data. alone: there is no")
	fmt.Fprintln(w, "other; beside: another one is in sync; ranked: with a lower rank. at: ms since then.")
	fmt.Fprintln(w, "keys: what the promoted server had. lost: keys and acknowledged writes that are gone")
	fmt.Fprintln(w, "in the end. A replica of higher rank may take the place of a dead master without the")
	fmt.Fprintln(w, "latest writes, and so may the only one, if its data are of that master.")
	fmt.Fprintf(w, "\n%4s %-14s %-6s %-8s %-7s %5s %-9s %5s %5s %6s\n", "try", "program", "state", "fault", "", "at", "promoted", "keys", "lost", "writes")
}

func printTry(w io.Writer, name string, r result) {
	had := "-"
	if r.Promoted != "" {
		had = fmt.Sprint(r.KeysAt)
	}
	fmt.Fprintf(w, "%4d %-14.14s %-6s %-8s %-7s %5d %-9s %5s %5d %6d", r.n, name, r.moment, r.fault(), r.company(),
		r.after.Milliseconds(), r.Promoted, had, r.LostKeys, r.LostWrites)
	if text := r.wrong(); text != "" {
		fmt.Fprintf(w, "  WRONG: %s", text)
	}
	if r.Refused != "" {
		fmt.Fprintf(w, "\n     refused: %s", r.Refused)
	}
	fmt.Fprintln(w)
}

// printSummary prints a line for each state and fault of each program.
func printSummary(w io.Writer, sides []side) {
	fmt.Fprintf(w, "\n%-14s %-6s %-8s %5s %8s %9s %6s %9s %10s\n", "program", "state", "fault", "tries", "refused", "promoted", "WRONG", "lost keys", "lost writes")
	for _, s := range sides {
		for _, m := range Moments {
			for _, kill := range []bool{false, true} {
				s.printSum(w, m, kill)
			}
		}
	}
}

func (s side) printSum(w io.Writer, m Moment, kill bool) {
	var n, refused, promoted, wrong, lost, writes int
	for _, r := range s.results {
		if r.moment != m || r.kill != kill {
			continue
		}
		n++
		lost += r.LostKeys
		writes += r.LostWrites
		for count, yes := range map[*int]bool{&refused: r.Refused != "", &promoted: r.Promoted != "", &wrong: r.wrong() != ""} {
			if yes {
				*count++
			}
		}
	}
	if n > 0 {
		fmt.Fprintf(w, "%-14.14s %-6s %-8s %5d %8d %9d %6d %9d %10d\n", s.name, m, try{kill: kill}.fault(), n, refused, promoted, wrong, lost, writes)
	}
}
