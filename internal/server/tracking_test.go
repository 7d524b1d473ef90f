package server

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestOverlapLikeEachWithEach compares the answer to overlapping prefixes with
// that of Redis's walk over all pairs.
func TestOverlapLikeEachWithEach(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	some := func(from string) (list []string) {
		for range rng.IntN(5) {
			p := ""
			for range rng.IntN(4) {
				p += string(from[rng.IntN(len(from))])
			}
			list = append(list, p)
		}
		return list
	}
	clashes := 0
	for range 20000 {
		next := tracking{prefixes: some("ab")}
		now := tracking{prefixes: some("bc")}
		slices.Sort(now.prefixes)
		now.prefixes = slices.Compact(now.prefixes)
		if len(overlapping(slices.Clone(now.prefixes))) > 0 {
			continue // was refused before
		}
		want := eachWithEach(next.prefixes, now.prefixes)
		if want != "" {
			clashes++
		}
		if got := next.overlap(&now, slices.Concat(next.prefixes, now.prefixes)); got != want {
			t.Fatalf("%q beside %q: %q, want %q", next.prefixes, now.prefixes, got, want)
		}
	}
	if clashes < 1000 {
		t.Errorf("only %d of them overlap", clashes)
	}
}

func eachWithEach(next, now []string) string {
	overlaps := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	for i, p := range next {
		for _, old := range now {
			if overlaps(p, old) {
				return "Prefix '" + p + "' overlaps with an existing prefix '" + old + "'. Prefixes for a single client must not overlap."
			}
		}
		for _, other := range next[i+1:] {
			if overlaps(p, other) {
				return "Prefix '" + p + "' overlaps with another provided prefix '" + other + "'. Prefixes for a single client must not overlap."
			}
		}
	}
	return ""
}
