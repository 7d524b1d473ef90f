package configrewrite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

// defaultLines are all options of a master and of the Sentinel, each with a line
// that says its default.
func defaultLines() (lines []string) {
	m, o := monitor.MasterConfig{}.WithDefaults(), globalOptions.Defaults()
	for i := range masterOptions {
		if r := &masterOptions[i]; r.Where.Has(option.InConf) && r.Kind() != option.Pairs {
			lines = append(lines, joinArgs(append([]string{"sentinel", r.Name, "m"}, r.Lines(&m)[0]...)...))
		}
	}
	for i := range globalOptions {
		if r := &globalOptions[i]; r.Kind() != option.ID {
			lines = append(lines, joinArgs(append([]string{"sentinel", r.Name}, r.Lines(&o)[0]...)...))
		}
	}
	return lines
}

// missingLines returns the lines that a text lacks.
func missingLines(text string, lines []string) (missing []string) {
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			missing = append(missing, line)
		}
	}
	return missing
}

// TestWrittenDefaultsStay: what the operator wrote stays in the file although it
// is the default, whatever happens, until its master is gone.
func TestWrittenDefaultsStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	lines := defaultLines()
	if len(lines) < 16 {
		t.Fatalf("only %q", lines)
	}
	writeText(t, path, "# mine\n"+strings.Join(lines, "\n")+"\nsentinel monitor m 10.0.0.1 6379 2\n")
	save := func(what string, change func(*monitor.State), lines []string) {
		t.Helper()
		f := mustLoad(t, path)
		st := f.State()
		st.Masters = copied(st.Masters)
		change(&st)
		for range 2 {
			if err := f.Save(st); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if missing := missingLines(readText(t, path), lines); len(missing) > 0 {
			t.Errorf("%s: %q is lost:\n%s", what, missing, readText(t, path))
		}
	}
	save("first save", func(st *monitor.State) { st.Options.MyID, st.CurrentEpoch = idA, 1 }, lines)
	save("failover", func(st *monitor.State) {
		st.Masters[0].Addr = monitor.Addr{Host: "10.0.0.2", IP: "10.0.0.2", Port: 6379}
		st.Masters[0].ConfigEpoch = 1
	}, lines)
	save("SET", func(st *monitor.State) {
		m := st.Masters[0]
		m.ParallelSyncs, m.FailoverTimeout, m.DownAfter, m.RebootDownAfter = 5, time.Second, 2*time.Second, time.Second
		st.Options.AnnouncePort, st.Options.ResolveHostnames, st.Options.AllowScriptsReconfig = 7, true, true
	}, []string{"sentinel parallel-syncs m 5", "sentinel failover-timeout m 1000", "sentinel announce-port 7", "sentinel auth-pass m \"\""})
	save("SET back", func(st *monitor.State) {
		m := st.Masters[0]
		m.ParallelSyncs, m.FailoverTimeout, m.DownAfter, m.RebootDownAfter = 1, 3*time.Minute, 30*time.Second, 0
		st.Options.AnnouncePort, st.Options.ResolveHostnames, st.Options.AllowScriptsReconfig = 0, false, false
	}, lines)
	save("SET auth-pass", func(st *monitor.State) { st.Masters[0].AuthPass, st.Options.SentinelPass = "x", "y" }, []string{"sentinel auth-pass m x"})
	save("unset", func(st *monitor.State) { st.Masters[0].AuthPass, st.Options.SentinelPass = "", "" }, nil)
	if text := readText(t, path); strings.Contains(text, "-pass") || strings.Count(text, "parallel-syncs") != 1 {
		t.Errorf("a password that was unset is still there, or a line twice:\n%s", text)
	}
	save("REMOVE", func(st *monitor.State) { st.Masters = nil }, []string{"# mine", "sentinel announce-port 0"})
	if text := readText(t, path); strings.Contains(text, " m ") {
		t.Errorf("lines of the removed master are still there:\n%s", text)
	}
	save("MONITOR", func(st *monitor.State) {
		st.Masters = []*monitor.MasterState{{MasterConfig: monitor.MasterConfig{Name: "m", Addr: local(6379), Quorum: 1}.WithDefaults()}}
	}, nil)
	if text := readText(t, path); strings.Contains(text, "parallel-syncs") {
		t.Errorf("a line that nobody wrote:\n%s", text)
	}
}

// TestWrittenDefaultsAreConverted: they stand in the other format, too, and come
// back from it.
func TestWrittenDefaultsAreConverted(t *testing.T) {
	conf := "port 26379\nloglevel notice\nsentinel monitor m 10.0.0.1 6379 2\n" + strings.Join(defaultLines(), "\n") + "\n"
	toml, _, err := convert([]byte(conf), pureSource(FormatConf))
	if err != nil {
		t.Fatal(err)
	}
	head, _ := cutState(toml)
	for _, want := range []string{"port = 26379", `loglevel = "notice"`, "parallel-syncs = 1", `failover-timeout = "3m0s"`, `down-after = "30s"`, "can-failover = true",
		`reboot-down-after = "0s"`, "announce-port = 0", "deny-scripts-reconfig = true", "resolve-hostnames = false"} {
		if len(missingLines(string(head), []string{want})) > 0 {
			t.Errorf("no %s in\n%s", want, head)
		}
	}
	back, _, err := convert(toml, pureSource(FormatTOML))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(defaultLines(), "port 26379", "loglevel notice") {
		if strings.HasSuffix(line, `""`) || strings.Contains(line, "can-failover") {
			continue // no word for originals, which do not quote it, and none that they refuse
		}
		if len(missingLines(string(back), []string{line})) > 0 {
			t.Errorf("no %s in\n%s", line, back)
		}
	}
}

// TestDefaultBesideInclude: a value that SENTINEL SET put back to the default
// holds after a restart, although an included file says otherwise.
func TestDefaultBesideInclude(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sentinel.conf")
	writeText(t, path+".inc", "sentinel parallel-syncs m 5\nsentinel announce-port 7\nsentinel resolve-hostnames yes\n")
	writeText(t, path, fmt.Sprintf("include %s.inc\nsentinel monitor m 10.0.0.1 6379 2\n", path))
	f := mustLoad(t, path)
	st := f.State()
	if st.Masters[0].ParallelSyncs != 5 || st.Options.AnnouncePort != 7 {
		t.Fatalf("loaded %s", describe(st))
	}
	st.Masters[0].ParallelSyncs, st.Options.AnnouncePort, st.Options.ResolveHostnames = 1, 0, false
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, path).State(); got.Masters[0].ParallelSyncs != 1 || got.Options.AnnouncePort != 0 || got.Options.ResolveHostnames {
		t.Errorf("loaded %s\n%s", describe(got), readText(t, path))
	}
}
