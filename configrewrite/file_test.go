package configrewrite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

func writeText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readText(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustLoad(t testing.TB, path string, overrides ...string) *File {
	t.Helper()
	f, err := Load(path, overrides)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return f
}

// copied returns masters that may be changed.
func copied(masters []*monitor.MasterState) (list []*monitor.MasterState) {
	for _, m := range masters {
		c := *m
		list = append(list, &c)
	}
	return list
}

// grown returns st after failovers and changes.
func grown(st monitor.State) monitor.State {
	st.Options.MyID = idA
	st.CurrentEpoch += 3
	masters := copied(st.Masters)
	for i, m := range masters {
		m.ConfigEpoch, m.LeaderEpoch, m.VoteUnknown = st.CurrentEpoch-1, st.CurrentEpoch, false
		m.Replicas = []monitor.Addr{m.Addr, {Host: "10.9.0.2", IP: "10.9.0.2", Port: 6379}}
		m.Addr = monitor.Addr{Host: "10.9.0.1", IP: "10.9.0.1", Port: 6380 + i}
		m.Sentinels = []monitor.KnownSentinel{{Addr: monitor.Addr{Host: "10.9.0.3", IP: "10.9.0.3", Port: 26379}, ID: idB}}
		m.DownAfter = 7 * time.Second
	}
	st.Masters = masters
	return st
}

// TestSaveAndLoad saves and loads in every arrangement of files.
func TestSaveAndLoad(t *testing.T) {
	conf := "# mine\nport 5000\nsentinel monitor m 10.0.0.1 6379 2\nsentinel monitor n 10.0.0.2 6379 2"
	toml := "# mine\n[server]\nport = 5000\n[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n" +
		"[[master]]\nname = \"n\"\nhost = \"10.0.0.2\"\nport = 6379\nquorum = 2\n"
	for _, c := range []struct{ name, file, text, state string }{
		{"conf", "sentinel.conf", conf, "sentinel.conf"},
		{"toml", "sentinel.toml", toml, "sentinel.toml"},
		{"conf with state file", "sentinel.conf", conf + "\nstate-file state", "state"},
		{"toml with state file", "sentinel.toml", strings.Replace(toml, "[server]", "[server]\nstate-file = \"state\"", 1), "state"},
		{"conf without extension", "s", conf, "s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			writeText(t, c.file, c.text)
			f := mustLoad(t, c.file)
			if f.Settings().Port != 5000 || len(f.State().Masters) != 2 || f.Path() != filepath.Join(dir, c.file) {
				t.Fatalf("loaded %+v %+v from %s", f.Settings(), f.State(), f.Path())
			}
			if err := f.CheckWritable(); err != nil {
				t.Fatal(err)
			}
			if f.StatePath() != filepath.Join(dir, c.state) {
				t.Fatalf("state goes to %s", f.StatePath())
			}
			st := grown(f.State())
			for range 3 {
				st.CurrentEpoch++
				if err := f.Save(st); err != nil {
					t.Fatal(err)
				}
				if err := compareStates(mustLoad(t, c.file).State(), st, FormatTOML); err != nil {
					t.Fatalf("%v\n%s", err, readText(t, c.state))
				}
			}
			if c.state != c.file && readText(t, c.file) != c.text {
				t.Error("the configuration was written to, though there is a state file")
			}
			if !strings.HasPrefix(readText(t, c.file), "# mine\n") {
				t.Error("the operator's comment is lost")
			}
		})
	}
}

func TestNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.toml")
	base := Config{Settings: DefaultSettings()}
	base.State.Masters = []*monitor.MasterState{{MasterConfig: monitor.MasterConfig{
		Name: "m", Addr: monitor.Addr{Host: "10.0.0.1", Port: 6379}, Quorum: 2,
	}}}
	f, err := New(path, base)
	if err != nil {
		t.Fatal(err)
	}
	if m := f.State().Masters[0]; m.Addr.IP != "10.0.0.1" || m.DownAfter != monitor.DefaultDownAfter || f.Path() != "" {
		t.Errorf("a new File has the master %+v and the path %q", m, f.Path())
	}
	st := grown(f.State())
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file has the mode %v (%v)", info.Mode(), err)
	}
	again, err := New(path, base)
	if err != nil {
		t.Fatal(err)
	}
	if err := compareStates(again.State(), st, FormatTOML); err != nil {
		t.Error(err)
	}
	if again.Settings().Port != 26379 {
		t.Errorf("the settings of the program are lost: %+v", again.Settings())
	}
}

func TestNewRefusesBadMasters(t *testing.T) {
	good := monitor.MasterConfig{Name: "m", Addr: monitor.Addr{Host: "10.0.0.1", Port: 1}, Quorum: 1}
	bad := func(change func(*monitor.MasterConfig)) *monitor.MasterState {
		m := good
		change(&m)
		return &monitor.MasterState{MasterConfig: m}
	}
	base := Config{State: monitor.State{Masters: []*monitor.MasterState{
		{MasterConfig: good}, {MasterConfig: good},
		bad(func(m *monitor.MasterConfig) { m.Name = "" }),
		bad(func(m *monitor.MasterConfig) { m.Name, m.Quorum = "a", 0 }),
		bad(func(m *monitor.MasterConfig) { m.Name, m.Addr.Port = "b", 65536 }),
		bad(func(m *monitor.MasterConfig) { m.Name, m.Addr.Host = "c", "" }),
	}}}
	_, err := New(filepath.Join(t.TempDir(), "s"), base)
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) != 5 {
		t.Errorf("New: %v", err)
	}
}

// TestLoadErrors: nothing that cannot be loaded is changed.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	newer := stateMarker + "\n[state]\nversion = 99\n"
	for name, c := range map[string]struct{ text, want string }{
		"unknown.conf":   {"prot 5\n", "unknown.conf:1: Bad directive"},
		"dup.conf":       {"sentinel monitor m 1.1.1.1 1 1\nsentinel monitor m 1.1.1.2 1 1\n", "dup.conf:2: Duplicate master name."},
		"half.conf":      {"port 5\nsentinel leader-ep", "did you mean \"sentinel leader-epoch\"?"},
		"nodir.conf":     {"dir /nonexistent/dir\n", "Can't chdir to '/nonexistent/dir': no such file or directory"},
		"script.conf":    {"sentinel monitor m 1.1.1.1 1 1\nsentinel notification-script m /nonexistent\n", "Notification script seems non existing or non executable."},
		"newer.toml":     {newer, "the state has the version 99"},
		"statefile.conf": {"state-file " + filepath.Join(dir, "newer.state") + "\n", "newer.state:1: the state has the version 99"},
		"foreign.conf":   {"state-file " + filepath.Join(dir, "dup.conf") + "\n", "this is not a state file of gosentinel"},
		"empty.conf":     {"state-file " + filepath.Join(dir, "empty.state") + "\n", "the state file is empty"},
		"dirstate.conf":  {"state-file " + dir + "\n", "it is a directory"},
	} {
		writeText(t, filepath.Join(dir, name), c.text)
		writeText(t, filepath.Join(dir, "newer.state"), newer)
		writeText(t, filepath.Join(dir, "empty.state"), "")
		writeText(t, filepath.Join(dir, "dup.conf"), "sentinel monitor m 1.1.1.1 1 1\nsentinel monitor m 1.1.1.2 1 1\n")
		_, err := Load(filepath.Join(dir, name), nil)
		var all *Error
		if !errors.As(err, &all) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if got := readText(t, filepath.Join(dir, name)); got != c.text {
			t.Errorf("%s was changed", name)
		}
	}
	for path, want := range map[string]string{
		"":                            "needs config file on disk",
		filepath.Join(dir, "no.conf"): "can't open config file '" + dir + "/no.conf': no such file or directory",
		dir:                           "it is a directory",
		"/dev/zero":                   "it is longer than",
	} {
		if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q): %v, want %s", path, err, want)
		}
	}
}

// TestResolve: one deadline bounds all names, and the answer is used once.
func TestResolve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	writeText(t, path, "sentinel monitor a redis1 6379 1\nsentinel monitor b redis2 6379 1\n")
	l := Loader{Resolve: func(_ context.Context, host string) (string, error) {
		return map[string]string{"redis1": "10.0.0.1", "redis2": "::2"}[host], nil
	}}
	f, err := l.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := f.State().Masters; m[0].Addr.Host != "10.0.0.1" || m[1].Addr.IP != "::2" || len(f.Warnings()) != 2 {
		t.Errorf("%+v, warnings %q", m, f.Warnings())
	}
	l.ResolveTimeout = time.Nanosecond
	l.Resolve = func(ctx context.Context, host string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	_, err = l.Load(path, nil)
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) != 2 || !strings.Contains(err.Error(), "resolve-hostnames yes") {
		t.Errorf("with a dead resolver: %v", err)
	}
}

// TestModeAndLink: the mode of the file stays, and a link stays a link.
func TestModeAndLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.conf"), filepath.Join(dir, "link.conf")
	writeText(t, real, "port 5\n")
	if err := os.Chmod(real, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.conf", link); err != nil {
		t.Fatal(err)
	}
	f := mustLoad(t, link)
	if err := f.Save(grown(f.State())); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v (%v)", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("the mode became %v (%v)", info.Mode(), err)
	}
	if !strings.Contains(readText(t, real), "sentinel current-epoch 3") {
		t.Error("the file behind the link was not written")
	}
}

// TestVanishedFile: what the operator wrote survives the deletion of the file.
func TestVanishedFile(t *testing.T) {
	for name, text := range map[string]string{"s.conf": "requirepass x\n", "s.toml": "[server]\nrequirepass = \"x\"\n"} {
		path := filepath.Join(t.TempDir(), name)
		writeText(t, path, text)
		f := mustLoad(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := f.Save(grown(f.State())); err != nil {
			t.Fatal(err)
		}
		if again := mustLoad(t, path); again.Settings().RequirePass != "x" || again.State().Options.MyID != idA {
			t.Errorf("%s: %s", name, readText(t, path))
		}
	}
}

// TestStrays: temporary files of a crash are removed at the next start, but not
// those of others, nor one that may be in use.
func TestStrays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.conf")
	writeText(t, path, "port 5\n")
	names := map[string]bool{ // name: must go
		"s.conf.gosentinel-0123456789abcdef.tmp":   true,
		"s.conf.gosentinel-0123456789abcde.tmp":    false,
		"s.conf.gosentinel-0123456789abcdef.tmp.x": false,
		"t.conf.gosentinel-0123456789abcdef.tmp":   false,
		"s.conf.gosentinel-fedcba9876543210.tmp":   false, // young
	}
	for name := range names {
		p := filepath.Join(dir, name)
		writeText(t, p, "x")
		if !strings.Contains(name, "fedcba") {
			if err := os.Chtimes(p, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustLoad(t, path)
	for name, gone := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) != gone {
			t.Errorf("%s: %v, want gone %v", name, err, gone)
		}
	}
}

// TestConcurrentSaves: the file is whole with several writers and readers.
func TestConcurrentSaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	writeText(t, path, "sentinel monitor m 10.0.0.1 6379 2\n")
	f := mustLoad(t, path)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if err := f.Save(grown(f.State())); err != nil {
					t.Error(err)
				}
				if _, err := Load(path, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}

// TestDamagedEpochs: an epoch that cannot be read is never taken for 0.
func TestDamagedEpochs(t *testing.T) {
	for _, line := range []string{
		"sentinel current-epoch", "sentinel current-epoch x", "sentinel current-epoch 1 2", "sentinel current-epoch -1",
		"sentinel current-epoch 99999999999999999999", "sentinel leader-epoch m", "sentinel leader-epoch m 5\x00",
		"sentinel leader-epoch", "sentinel config-epoch m \"", "sentinel config-epoch m 1.5", "sentinel leader-epoch other x",
		"sentinel myid", "sentinel myid 1234", "\x00\x00\x00",
	} {
		_, err := Parse([]byte("sentinel monitor m 10.0.0.1 6379 2\n"+line+"\n"), pureSource(FormatConf))
		var all *Error
		if !errors.As(err, &all) || all.Problems[0].Line != 2 || all.Problems[0].Message == "" {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestPureParseTouchesNothing(t *testing.T) {
	text := "include /etc/passwd\ndir /nonexistent\nsentinel monitor m 10.0.0.1 6379 2\nsentinel notification-script m /nonexistent\n"
	if _, err := Parse([]byte(text), pureSource(FormatConf)); err != nil {
		t.Error(err)
	}
}
