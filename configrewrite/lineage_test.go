package configrewrite

import (
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// TestLineageLines: what was written before the second history was added still tells
// the rest, and a damaged line tells nothing.
func TestLineageLines(t *testing.T) {
	short := lineage(idC, 77, true, true)
	for line, want := range map[string]monitor.Lineage{
		"# gosentinel lineage m " + idC + " 77 keys disk":                     short,
		"# gosentinel lineage m " + idC + " 77 keys disk " + idB + " 42":      grownFrom(short, idB, 42),
		"# gosentinel lineage m " + idC + " 77 keys disk " + idB + " x":       short,
		"# gosentinel lineage m " + idC + " 77 keys disk nonsense 42":         short,
		"# gosentinel lineage m " + idC + " 77 keys disk " + idB:              {},
		"# gosentinel lineage m " + idC + " 77 keys disk " + idB + " 42 more": {},
	} {
		doc := mustParse(t, line+"\nsentinel monitor m 10.0.0.1 6379 2\n", pureSource(FormatConf))
		if got := doc.State.Masters[0].Lineage; got != want {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for text, want := range map[string]monitor.Lineage{
		"replid = '" + idC + "', offset = 77, keys = true, persistent = true":                                                          short,
		"replid = '" + idC + "', offset = 77, keys = true, persistent = true, replid2 = '" + idB + "', second = 42":                    grownFrom(short, idB, 42),
		"replid = '" + idC + "', offset = 77, keys = true, persistent = true, replid2 = '" + idB + "', second = '9223372036854775808'": grownFrom(short, idB, 1<<63),
		"replid = '" + idC + "', offset = 77, keys = true, persistent = true, replid2 = 5, second = 42":                                short,
	} {
		v := map[string]any{}
		for _, pair := range strings.Split(text, ", ") {
			key, value, _ := strings.Cut(pair, " = ")
			v[key] = tomlTestValue(value)
		}
		if got := savedLineage(v); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// TestFencedLines: a damaged line, or number, about a fence tells nothing.
func TestFencedLines(t *testing.T) {
	for line, want := range map[string]int{"m 3": 3, "m -3": 0, "m many": 0, "m 65537": 0, "other 3": 0, "m": 0, "m 3 4": 0} {
		doc := mustParse(t, "# gosentinel fenced "+line+"\nsentinel monitor m 10.0.0.1 6379 2\n", pureSource(FormatConf))
		if got := doc.State.Masters[0].Fenced; got != want {
			t.Errorf("%q: %d", line, got)
		}
	}
	for v, want := range map[any]int{int64(3): 3, int64(-3): 0, "3": 0, int64(1 << 62): 0, nil: 0} {
		if got := savedFenced(v); got != want {
			t.Errorf("%v: %d", v, got)
		}
	}
}

// TestPauseLines: a damaged line, or table, about a pause tells nothing.
func TestPauseLines(t *testing.T) {
	plain := monitor.FailoverPause{Version: 7, By: idB, Until: 1700000000000}
	named, resumed := plain, plain
	named.Reason, resumed.Resumed = `a "new" kernel`, true
	for line, want := range map[string]monitor.FailoverPause{
		"m paused 1700000000000 7 " + idB:                                  plain,
		"m resumed 1700000000000 7 " + idB:                                 resumed,
		`m paused 1700000000000 7 ` + idB + ` "a \"new\" kernel"`:          named,
		`m paused 1700000000000 7 ` + idB + ` a new kernel`:                {},
		"m paused later 7 " + idB:                                          {},
		"m paused 1700000000000 -7 " + idB:                                 {},
		"m paused 1700000000000 7 somebody":                                {},
		"other paused 1700000000000 7 " + idB:                              {},
		"m paused 1700000000000 7 " + idB + " " + strings.Repeat("x", 257): {},
	} {
		doc := mustParse(t, "# gosentinel pause "+line+"\nsentinel monitor m 10.0.0.1 6379 2\n", pureSource(FormatConf))
		if got := doc.State.Masters[0].Pause; got != want {
			t.Errorf("%q: %+v", line, got)
		}
	}
	table := func(change map[string]any) map[string]any {
		v := map[string]any{"until": int64(1700000000000), "resumed": false, "version": int64(7), "by": idB, "reason": named.Reason}
		for key, value := range change {
			v[key] = value
		}
		return v
	}
	for _, c := range []struct {
		change map[string]any
		want   monitor.FailoverPause
	}{
		{nil, named}, {map[string]any{"reason": ""}, plain}, {map[string]any{"version": "soon"}, monitor.FailoverPause{}},
		{map[string]any{"until": "soon"}, monitor.FailoverPause{}}, {map[string]any{"by": 5}, monitor.FailoverPause{}},
		{map[string]any{"reason": "two\nlines"}, monitor.FailoverPause{}},
	} {
		if got := savedPause(table(c.change)); got != c.want {
			t.Errorf("%v: %+v", c.change, got)
		}
	}
	if got := savedPause("soon"); got != (monitor.FailoverPause{}) {
		t.Errorf("%+v", got)
	}
}

// TestForgottenLines: a damaged line, or table, about a member that was forgotten tells
// nothing.
func TestForgottenLines(t *testing.T) {
	sentinel := monitor.Tombstone{ID: idC, Version: 7, By: idB, Until: 1700000000000}
	replica := monitor.Tombstone{At: monitor.HostPort{Host: "fe80::1", Port: 6379}, Version: 7, By: idB, Until: 1700000000000, Over: true}
	for line, want := range map[string][]monitor.Tombstone{
		"m " + idC + " away 1700000000000 7 " + idB:          {sentinel},
		"m [fe80::1]:6379 back 1700000000000 7 " + idB:       {replica},
		"m 10.0.0.9 away 1700000000000 7 " + idB:             nil,
		"m 0.0.0.0:1 away 1700000000000 7 " + idB:            nil,
		"m 10.0.0.9:6379 away soon 7 " + idB:                 nil,
		"m 10.0.0.9:6379 away 1700000000000 -7 " + idB:       nil,
		"m 10.0.0.9:6379 away 1700000000000 7 somebody":      nil,
		"m 10.0.0.9:6379 away 1700000000000 7 " + idB + " x": nil,
		"other " + idC + " away 1700000000000 7 " + idB:      nil,
	} {
		doc := mustParse(t, "# gosentinel forgotten "+line+"\nsentinel monitor m 10.0.0.1 6379 2\n", pureSource(FormatConf))
		if got := doc.State.Masters[0].Tombstones; !slices.Equal(got, want) {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for _, c := range []struct {
		list any
		want int
	}{
		{[]any{map[string]any{"id": idC, "version": int64(7), "by": idB, "until": int64(1)}}, 1},
		{[]any{map[string]any{"host": "10.0.0.9", "port": int64(6379), "version": int64(7), "by": idB, "until": int64(1)}}, 1},
		{[]any{map[string]any{"id": idC, "version": "soon", "by": idB, "until": int64(1)}, "soon"}, 0},
		{"soon", 0},
	} {
		if got := savedTombstones(c.list); len(got) != c.want {
			t.Errorf("%v: %+v", c.list, got)
		}
	}
}

func tomlTestValue(s string) any {
	switch {
	case s == "true":
		return true
	case strings.HasPrefix(s, "'"):
		return strings.Trim(s, "'")
	}
	n := int64(0)
	for _, c := range s {
		n = 10*n + int64(c-'0')
	}
	return n
}
