package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-sentinels 2 -epochs 1", 0, "2 Sentinels, 1 master, 1 epoch, quorum 1, crashes: "},
		{"-sentinels 2 -epochs 2 -max-states 5", 1, "NOT COMPLETE"},
		{"-alone -others -epochs 1", 0, "one of 3 Sentinels, 1 master, 1 epoch, quorum 1, crashes, others: "},
		{"-alone -sentinels 2 -quorum 2 -max-states 2", 1, "proves nothing"},
		{"-alone -voters 1", 2, "Voters"},
		{"-others", 2, "one Sentinel alone"},
		{"-sentinels 7", 2, "want 1 to 4"},
		{"-sentinels 3 surplus", 2, "unexpected argument"},
		{"-h", 0, "-mixed"},
	} {
		var out strings.Builder
		if code := run(strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.args, code, c.code, c.want, out.String())
		}
	}
}
