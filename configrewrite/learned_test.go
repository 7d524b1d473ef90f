package configrewrite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// TestWhatCannotBeHeldIsLeftOut: replicas and Sentinels that no file can hold, which
// no gate lets in, do not keep a vote from being saved. All others are kept.
func TestWhatCannotBeHeldIsLeftOut(t *testing.T) {
	at := func(host string, port int) monitor.Addr { return monitor.Addr{Host: host, IP: host, Port: port} }
	for _, name := range []string{"s.conf", "s.toml"} {
		path := filepath.Join(t.TempDir(), name)
		writeText(t, path, map[string]string{
			"s.conf": "sentinel monitor m 10.0.0.1 6379 2\n",
			"s.toml": "[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n",
		}[name])
		f := mustLoad(t, path)
		var lines []string
		f.Listen(func(line string) { lines = append(lines, line) })
		st := f.State()
		st.Options.MyID, st.CurrentEpoch = idA, 7
		st.Masters[0].LeaderEpoch = 7
		var want []monitor.Addr
		for i := range 50 {
			want = append(want, at(fmt.Sprintf("10.0.1.%d", i), 6379))
		}
		st.Masters[0].Replicas = slices.Concat(want[:20], []monitor.Addr{at("10.0.2.1", 70000)}, want[20:], []monitor.Addr{at("10.0.2.2", -1)})
		st.Masters[0].Sentinels = []monitor.KnownSentinel{{Addr: at("10.0.3.1", 26379), ID: idB}, {Addr: at("10.0.3.2", 1<<40), ID: idC}}
		for range 2 {
			if err := f.Save(st); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got := mustLoad(t, path).State()
		if m := got.Masters[0]; m.LeaderEpoch != 7 || !slices.Equal(m.Replicas, want) || len(m.Sentinels) != 1 || m.Sentinels[0].ID != idB {
			t.Errorf("%s: loaded %s", name, describe(got))
		}
		if text := strings.Join(lines, "\n"); len(lines) != 3 || !strings.Contains(text, "replica 10.0.2.1:70000 of master m") ||
			!strings.Contains(text, "Sentinel "+idC+" at 10.0.3.2:") {
			t.Errorf("%s: reported\n%s", name, text)
		}
	}
}

// TestWhatIsConfiguredIsNeverLeftOut: where the operator's part cannot be held, a save
// fails, whatever else is in the state.
func TestWhatIsConfiguredIsNeverLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	writeText(t, path, "sentinel monitor m 10.0.0.1 6379 2\n")
	before := readText(t, path)
	f := mustLoad(t, path)
	f.Listen(func(line string) { t.Error(line) })
	st := f.State()
	st.Masters[0].Addr.Port = 70000
	st.Masters[0].Replicas = []monitor.Addr{{Host: "10.0.0.2", IP: "10.0.0.2", Port: 1}}
	if err := f.Save(st); err == nil || readText(t, path) != before {
		t.Errorf("error %v, file\n%s", err, readText(t, path))
	}
}

// TestSieve: what is bad is found, with a bounded number of tries, and also where
// only some together are bad.
func TestSieve(t *testing.T) {
	var list []learned
	for i := range 4096 {
		list = append(list, learned{addr: monitor.HostPort{Host: "h", Port: i}})
	}
	tries := 0
	holds := func(some []learned) bool {
		tries++
		return !slices.ContainsFunc(some, func(l learned) bool { return l.addr.Port%1000 == 7 })
	}
	kept, dropped := sieve(list, holds)
	if len(dropped) != 5 || len(kept) != 4091 || !holds(kept) || tries > verifyTries {
		t.Errorf("%d kept, %v dropped, %d tries", len(kept), dropped, tries)
	}
	if len(list) != 4096 || list[7].addr.Port != 7 || list[4095].addr.Port != 4095 {
		t.Error("the list was changed")
	}
}
