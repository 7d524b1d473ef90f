package mutants

import (
	"context"
	"fmt"
	"io"

	"github.com/gosentinel/sentinel/jepsen/sim"
	"github.com/gosentinel/sentinel/jepsen/sim/explore"
)

// Found is the exit code of a hunt that was successful. It is none that the go
// runtime uses.
const Found = 10

// Hunt runs in a mutant, which is built with the program of the go package that
// [Options] name. It looks with the [Catcher] of this name, prints a line about the
// effort, and if it has found something, what. It returns an exit code: 0 or
// [Found], or 2 if it could not look.
func Hunt(with string, seeds int, out io.Writer) int {
	switch with {
	case BySimulator.String():
		return simulate(seeds, out)
	case ByExplorer.String():
		return exploreAll(out)
	}
	fmt.Fprintf(out, "there is no %q to hunt with\n", with)
	return 2
}

// simulate plays seeds of the default mix and of every group of faults in turn.
func simulate(seeds int, out io.Writer) int {
	mixes := [][]string{nil}
	for _, g := range sim.FaultGroups {
		mixes = append(mixes, []string{g})
	}
	for k := range seeds {
		mix := mixes[k%len(mixes)]
		seed := uint64(k/len(mixes) + 1)
		if r := sim.Run(sim.Draw(seed, mix), nil); r.Failed() {
			fmt.Fprintf(out, "%d seeds\nseed %d, faults %v: %s\n", k+1, seed, mix, r.Violation)
			return Found
		}
	}
	fmt.Fprintf(out, "%d seeds\n", seeds)
	return 0
}

// worlds are those that the explorer looks at here. The first are small.
var worlds = []explore.Config{
	{Sentinels: 1, Masters: 1, Epochs: 2, Quorum: 1},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 1},
	{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 1},
	{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1, Alone: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, Alone: true, Others: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, NoCrashes: true},
}

func exploreAll(out io.Writer) int {
	states := 0
	for _, c := range worlds {
		r, err := explore.Explore(context.Background(), c, nil, nil)
		if err != nil {
			fmt.Fprintln(out, err)
			return 2
		}
		states += r.States
		if r.Violation != "" {
			fmt.Fprintf(out, "%d states\n%v: %s\n", states, c, r.Violation)
			return Found
		}
		if !r.Complete || r.Leaders == 0 {
			fmt.Fprintf(out, "%v: the search is not complete, or nobody was elected\n", c)
			return 2
		}
	}
	fmt.Fprintf(out, "%d states\n", states)
	return 0
}
