package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/monitor"
)

// writeRecord records a core for a minute in which nothing answers, and returns
// the text.
func writeRecord(t *testing.T) string {
	t.Helper()
	addr, _ := monitor.IPAddr("10.0.0.1", 6379)
	var text bytes.Buffer
	rec := recorder.New(&text, recorder.DefaultLimit)
	core, err := rec.NewCore(1, monitor.Params{State: monitor.State{
		Options: monitor.Options{MyID: monitor.RunID(strings.Repeat("a", 40))},
		Masters: []*monitor.MasterState{{MasterConfig: monitor.MasterConfig{Name: "m", Addr: addr, Quorum: 1}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out monitor.Effects
	for range 120 {
		rec.Drain(core, &out)
		rec.Step(core, core.NextDeadline(), monitor.Tick{})
	}
	rec.Drain(core, &out)
	return text.String()
}

func TestReplayOfRecord(t *testing.T) {
	dir := t.TempDir()
	save := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	record := writeRecord(t)
	good := save("good", record)
	other := save("other", strings.Replace(record, `{"type":"SDown"`, `{"type":"ODown"`, 1))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-h"}, 0, "usage: sim replay"},
		{nil, 2, "one file with a record is needed"},
		{[]string{good, good}, 2, "one file with a record is needed"},
		{[]string{filepath.Join(dir, "missing")}, 2, "no such file"},
		{[]string{save("empty", "")}, 2, "the record is empty"},
		{[]string{save("damaged", record[:len(record)/2])}, 2, "line "},
		{[]string{good}, 0, "! +sdown master m 10.0.0.1 6379\n"},
		{[]string{"-quiet", good}, 0, "the effects are those of the record\n"},
		{[]string{other}, 1, "the effects differ from those recorded"},
	} {
		code, out, info := command(t, t.Context(), append([]string{"replay"}, c.args...)...)
		if code != c.code || !strings.Contains(out+info, c.want) {
			t.Errorf("sim replay %s: exit code %d, want %d; output without %q:\n%s%s", c.args, code, c.code, c.want, out, info)
		}
	}
	if _, out, _ := command(t, t.Context(), "replay", "-quiet", good); strings.Count(out, "\n") != 1 {
		t.Errorf("-quiet prints %q", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, info := command(t, ctx, "replay", good); code != 1 || !strings.Contains(info, "interrupted") {
		t.Errorf("an interrupted replay ends with %d: %s", code, info)
	}
}
