package configrewrite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
)

// protected are files whose loss would open a Sentinel.
var protected = map[string]string{
	"s.conf": "# mine\nport 5000\nbind 127.0.0.1\nrequirepass oldsecret\nrename-command SHUTDOWN \"\"\nsentinel monitor m 10.0.0.1 6379 2\n" +
		"sentinel auth-pass m mastersecret\nmaxclients 100\n",
	"s.toml": "# mine\n[server]\nport = 5000\nbind = [\"127.0.0.1\"]\nrequirepass = \"oldsecret\"\n[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\n" +
		"port = 6379\nquorum = 2\nauth-pass = \"mastersecret\"\n",
}

// running is a File in use, with what it has said.
type running struct {
	*File
	path string
	said []string
}

// start loads a protected file and saves it once, as a Sentinel that starts does.
func start(t testing.TB, name string) *running {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	writeText(t, path, protected[name])
	r := &running{File: mustLoad(t, path), path: path}
	r.Listen(func(text string) { r.said = append(r.said, text) })
	r.save(t)
	return r
}

func (r *running) save(t testing.TB) {
	t.Helper()
	if err := r.Save(grown(r.State())); err != nil {
		t.Fatal(err)
	}
}

// checkProtected demands that the next start is refused or as protected as before.
func (r *running) checkProtected(t *testing.T, what string) {
	t.Helper()
	next, err := Load(r.path, nil)
	if err != nil {
		return
	}
	was, is := r.Settings(), next.Settings()
	if is.RequirePass != was.RequirePass || strings.Join(is.Bind, " ") != strings.Join(was.Bind, " ") || is.Port != was.Port ||
		next.State().Masters[0].AuthPass != "mastersecret" {
		t.Errorf("%s: the next start is open:\n%s", what, readText(t, r.path))
	}
	if err := compareStates(next.State(), grown(r.State()), FormatTOML); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestCutFile cuts the file everywhere while the daemon runs. After the next save
// the next start has all that protects, and the state; the log says what happened.
func TestCutFile(t *testing.T) {
	for name := range protected {
		r := start(t, name)
		whole := readText(t, r.path)
		for n := range len(whole) {
			if n%11 != 0 && !strings.Contains(whole[max(0, n-1):n+1], "\n") {
				continue // around the ends of lines, and now and then in them
			}
			writeText(t, r.path, whole[:n])
			r.said = nil
			r.save(t)
			r.checkProtected(t, name+" cut to "+whole[:n])
			if strings.Contains(whole[n:], "requirepass") && (len(r.said) != 1 || !strings.Contains(r.said[0], "damaged")) {
				t.Errorf("%s cut to %d bytes: said %q", name, n, r.said)
			}
			writeText(t, r.path, whole)
			r.save(t)
		}
		left, err := filepath.Glob(r.path + ".broken-*")
		if err != nil || len(left) > maxBroken || len(left) == 0 {
			t.Errorf("%d damaged texts are kept (%v)", len(left), err)
		}
	}
}

// TestDamagedTextIsKept beside the file, for its owner alone.
func TestDamagedTextIsKept(t *testing.T) {
	r := start(t, "s.conf")
	const cut = "# mine\nport 5000\nbind 127.0.0.1\nrequirep"
	writeText(t, r.path, cut)
	r.save(t)
	left, err := filepath.Glob(r.path + ".broken-*")
	if err != nil || len(left) != 1 {
		t.Fatalf("kept: %v (%v)", left, err)
	}
	if info, err := os.Stat(left[0]); err != nil || info.Mode().Perm() != 0o600 || readText(t, left[0]) != cut {
		t.Errorf("%s: %v (%v) %q", left[0], info.Mode(), err, readText(t, left[0]))
	}
	if len(r.said) != 1 || !strings.Contains(r.said[0], left[0]) {
		t.Errorf("said %q", r.said)
	}
}

// TestMistypedLine: a line that nobody understands stays as it is, so that the next
// start refuses it; the log says so now, once, and without the secret.
func TestMistypedLine(t *testing.T) {
	for name, lines := range map[string][]string{
		"s.conf": {
			`requirepass "newsecret`, "requirpass newsecret", `sentinel auth-pass m "newsecret`, "sentinel auth-pas m newsecret",
			"sentinel auth-pass mm newsecret", "sentinel monitr x 10.0.0.1 1 1", "port x", "tls-prt 7", `user "alice on >newsecret`, "a\x00b",
		},
		"s.toml": {"requirpass = \"newsecret\"", "requirepass = \"newsecret", "= 5", "[servr]"},
	} {
		for _, line := range lines {
			r := start(t, name)
			text := strings.Replace(readText(t, r.path), "# mine\n", line+"\n", 1)
			writeText(t, r.path, text)
			for range 3 {
				r.save(t)
			}
			if !strings.Contains("\n"+readText(t, r.path), "\n"+line+"\n") {
				t.Errorf("%q is gone from\n%s", line, readText(t, r.path))
			}
			if _, err := Load(r.path, nil); err == nil {
				t.Errorf("the next start accepts %q:\n%s", line, readText(t, r.path))
			}
			if len(r.said) != 1 || !strings.Contains(r.said[0], "the next start will refuse it: line 1: ") || strings.Contains(r.said[0], "newsecret") {
				t.Errorf("%q: said %q", line, r.said)
			}
		}
	}
}

// TestVanishedProtection: what protected and is gone from the file is named, once.
func TestVanishedProtection(t *testing.T) {
	for name, line := range map[string]string{"s.conf": "requirepass oldsecret\n", "s.toml": "requirepass = \"oldsecret\"\n"} {
		r := start(t, name)
		writeText(t, r.path, strings.Replace(readText(t, r.path), line, "", 1))
		r.save(t)
		r.save(t)
		if len(r.said) != 1 || !strings.Contains(r.said[0], "no line sets requirepass any more") {
			t.Errorf("%s: said %q", name, r.said)
		}
	}
	r := start(t, "s.conf")
	writeText(t, r.path, strings.Replace(readText(t, r.path), "maxclients 100\n", "maxclients 50\n", 1))
	r.save(t)
	if len(r.said) != 0 {
		t.Errorf("a harmless edit: said %q", r.said)
	}
}

// TestVanishedProtectionBetweenStarts: with a state file, what protected the last
// process and is gone from the configuration is named at the start.
func TestVanishedProtectionBetweenStarts(t *testing.T) {
	for name, state := range map[string]string{"s.conf": "state-file state\n", "s.toml": "[server]\nstate-file = \"state\"\n"} {
		dir := t.TempDir()
		t.Chdir(dir)
		text := state + strings.Replace(protected[name], "[server]\n", "", 1)
		writeText(t, name, text)
		for range 2 { // the second finds the state of the first
			f := mustLoad(t, name)
			if err := f.Save(grown(f.State())); err != nil {
				t.Fatal(err)
			}
			if w := strings.Join(f.Warnings(), "\n"); strings.Contains(w, "protect") {
				t.Errorf("%s: nothing is gone: %s", name, w)
			}
		}
		writeText(t, name, text[:strings.Index(text, "requirepass")]+text[strings.Index(text, map[string]string{"s.conf": "sentinel monitor", "s.toml": "[[master]]"}[name]):])
		if w := strings.Join(mustLoad(t, name).Warnings(), "\n"); !strings.Contains(w, "no line sets requirepass") || strings.Contains(w, "bind") || strings.Contains(w, "oldsecret") {
			t.Errorf("%s: %s", name, w)
		}
	}
}

// TestRedeployedFile: the operator's own text without any state, as a chart writes it
// at each start of a pod, is no damage.
func TestRedeployedFile(t *testing.T) {
	for name, text := range protected {
		r := start(t, name)
		writeText(t, r.path, text)
		r.save(t)
		r.checkProtected(t, name)
		if len(r.said) != 0 {
			t.Errorf("%s: said %q", name, r.said)
		}
	}
}

// TestDamageWithoutPlace: where no file can be made the damaged text is kept in
// comments, of which there is one set; and while the disk is full one warning says so.
func TestDamageWithoutPlace(t *testing.T) {
	d := memdisk.New(map[string]string{confPath: protected["s.conf"]})
	d.Refuse = func(op string) error {
		if op == "create" {
			return syscall.EACCES
		}
		return nil
	}
	f, err := Loader{StartDir: "/etc", FS: d}.Load(confPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	f.Listen(func(text string) { said = append(said, text) })
	save := func() error { return f.Save(grown(f.State())) }
	if err := errors.Join(f.CheckWritable(), save()); err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"port 5000\n" + generatedMarker + "\nsentinel myid " + idA + "\n\x00\x01", "other\n" + generatedMarker + "\nsentinel myid " + idA} {
		said = nil
		d.Entries[confPath].Data = []byte(damaged)
		d.FailAt, d.Err = d.Steps+2, syscall.ENOSPC
		if save() == nil {
			t.Fatal("the disk was full")
		}
		for range 3 {
			if err := save(); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := atomicfile.Recover(d.Entries[confPath].Data)
		if got := string(text); strings.Count(got, brokenMark) != 1+strings.Count(strings.TrimSuffix(damaged, "\n")+"\n", "\n") || !strings.Contains(got, "\nrequirepass oldsecret\n") {
			t.Errorf("the file is\n%s", got)
		}
		if len(said) != 1 || !strings.Contains(said[0], "comments of the file") {
			t.Errorf("said %q", said)
		}
		if _, err := Parse(text, pureSource(FormatConf)); err != nil {
			t.Error(err)
		}
	}
}

// swapping is a file system on which an operator replaces the file while it is saved.
type swapping struct {
	disk
	path, text string
	times      int
}

func (s *swapping) Create(name string, perm os.FileMode) (atomicfile.File, error) {
	if s.times > 0 {
		s.times--
		if err := errors.Join(os.WriteFile(s.path+"~", []byte(s.text), 0o600), os.Rename(s.path+"~", s.path)); err != nil {
			return nil, err
		}
	}
	return s.disk.Create(name, perm)
}

// TestOperatorsRename: a file that the operator puts into place between reading and
// renaming is not overwritten. Somebody who does so without end makes saves fail.
func TestOperatorsRename(t *testing.T) {
	for _, times := range []int{1, 2, maxTries - 1, maxTries} {
		path := filepath.Join(t.TempDir(), "s.conf")
		writeText(t, path, protected["s.conf"])
		fs := &swapping{path: path, text: protected["s.conf"] + "timeout 77\n"}
		f, err := Loader{FS: fs}.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		fs.times = times
		err = f.Save(grown(f.State()))
		if times == maxTries {
			if err == nil || !strings.Contains(err.Error(), "changed by another program") {
				t.Errorf("error %v", err)
			}
			continue
		}
		if text := readText(t, path); err != nil || !strings.Contains(text, "timeout 77\n") || !strings.Contains(text, "sentinel current-epoch 3\n") {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// FuzzDamage puts anything in the place of the file while the daemon runs. The save
// succeeds, and the next start is refused, or has the state and all that protected,
// or was warned about.
func FuzzDamage(f *testing.F) {
	seedTexts(f, func(text string) { f.Add([]byte(text), false); f.Add([]byte(text), true) })
	for name, text := range protected {
		for n := 0; n < len(text); n += 7 {
			f.Add([]byte(text[:n]), name == "s.toml")
			f.Add([]byte(text[n:]), name == "s.toml")
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, toml bool) {
		path, name := "/etc/s.conf", "s.conf"
		if toml {
			path, name = "/etc/s.toml", "s.toml"
		}
		d := memdisk.New(map[string]string{path: protected[name]})
		load := func() (*File, error) {
			return Loader{StartDir: "/etc", ResolveTimeout: time.Nanosecond, FS: d}.Load(path, nil)
		}
		file, err := load()
		if err != nil {
			t.Fatal(err)
		}
		warned := 0
		file.Listen(func(string) { warned++ })
		st := grown(file.State())
		if err := file.Save(st); err != nil {
			t.Fatal(err)
		}
		d.Entries[path].Data = text
		if err := file.Save(st); err != nil {
			t.Fatalf("%v\n%q", err, text)
		}
		next, err := load()
		if err != nil {
			return
		}
		if next.Settings().RequirePass != "oldsecret" && next.Settings().RequirePass == "" && warned == 0 {
			t.Fatalf("the next start is open, and nobody was told:\n%s\nof\n%s", d.Entries[path].Data, text)
		}
		if err := compareStates(next.State(), fileState(st), FormatTOML); err != nil && warned == 0 && !toml {
			t.Fatalf("%v\n%s\nof\n%s", err, d.Entries[path].Data, text)
		}
	})
}

// TestConvertOfAnInterruptedFile: convert reads what a start would.
func TestConvertOfAnInterruptedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	writeText(t, path, protected["s.conf"])
	want, _, err := Convert(path)
	if err != nil {
		t.Fatal(err)
	}
	d := memdisk.New(map[string]string{path: "port 1\n"})
	d.Refuse = func(op string) error { return map[string]error{"rename": syscall.EBUSY}[op] }
	w := atomicfile.Writer{FS: d, Path: path}
	if err := w.Write([]byte(protected["s.conf"]), nil); err != nil {
		t.Fatal(err)
	}
	writeText(t, path, string(d.Entries[path].Data)+"\n\n#>gosentinel-wr\x00\x00\n#>AA")
	if got, _, err := Convert(path); err != nil || string(got) != string(want) {
		t.Errorf("%v\n%s", err, got)
	}
}
