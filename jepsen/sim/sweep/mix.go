package sweep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// Mix is a choice of fault groups.
type Mix struct {
	Name   string
	Groups []string
}

// Every is the name of all mixes that take turns: the default one, and each group
// of faults alone.
const Every = "every"

// Mixes returns what a comma-separated list of fault groups stands for: one mix of
// them, or with [Every] many mixes.
func Mixes(faults string) ([]Mix, error) {
	if faults == Every {
		mixes := []Mix{{"default", []string{"default"}}}
		for _, g := range sim.FaultGroups {
			mixes = append(mixes, Mix{g, []string{g}})
		}
		return mixes, nil
	}
	groups := strings.Split(faults, ",")
	for _, g := range groups {
		if g != "default" && g != "all" && !slices.Contains(sim.FaultGroups, g) {
			return nil, fmt.Errorf("there is no group %q: want some of %s, or default, all or every", g, strings.Join(sim.FaultGroups, ", "))
		}
	}
	return []Mix{{strings.Join(groups, "-"), groups}}, nil
}
