package main

import "testing"

func TestTableFlags(t *testing.T) {
	refused(t, "table", "-runs 0", "-mass 1", "-rows nosuch", "-rows ping,,idle", "-sentinel=", "stray", "-no-such-flag")
	if f := parsed[*tableTask](t, "table", "-rows", "idle,ping"); len(f.Rows) != 2 || f.Rows[0].Name != "idle" || f.Runs != 5 || len(f.Fleet) != 2 {
		t.Errorf("got %+v", f)
	}
}
