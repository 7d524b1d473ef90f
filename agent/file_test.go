package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// others returns what else is in the directory of a file.
func others(t *testing.T, path string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range list {
		if e.Name() != filepath.Base(path) {
			names = append(names, e.Name())
		}
	}
	return names
}

const oneLine = `master={{ (group "cache").Master }}` + "\n"

// TestFileChanges: the file is written, and the command run, only when bytes change.
func TestFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.conf")
	ran := filepath.Join(t.TempDir(), "ran")
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{
		File: path, Mode: "0640", Command: Shell("cat {file} >> " + ran + "; echo done"), Validate: Program("grep", "-q", "master=", "{file}"),
	}})
	ctx := context.Background()
	for i, c := range []struct {
		port    int
		changed bool
	}{{1, true}, {1, false}, {2, true}, {2, false}} {
		changed, err := j.reconcile(ctx, Snapshot{known("cache", "10.0.0.1", c.port)})
		if err != nil || changed != c.changed {
			t.Fatalf("step %d: changed %v, %v", i, changed, err)
		}
	}
	if got := read(t, path) + read(t, ran); got != "master=10.0.0.1:2\nmaster=10.0.0.1:1\nmaster=10.0.0.1:2\n" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if names := others(t, path); len(names) > 0 {
		t.Errorf("left over: %q", names)
	}
	// An edit by hand is taken back.
	must(t, os.WriteFile(path, []byte("master=x\n"), 0o640))
	if changed, err := j.reconcile(ctx, Snapshot{known("cache", "10.0.0.1", 2)}); err != nil || !changed || read(t, path) != "master=10.0.0.1:2\n" {
		t.Errorf("after an edit: %v %v", changed, err)
	}
}

// TestInvalid: what the validation refuses never gets the name of the file.
func TestInvalid(t *testing.T) {
	path := write(t, "redis.conf", "old\n")
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{
		File: path, Command: Program("false"), Validate: Shell("echo line 1: no such thing; exit 3"),
	}})
	_, err := j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1)})
	if causeOf(err) != causeValidate || !strings.Contains(err.Error(), "the old file stays") || !strings.Contains(err.Error(), "line 1: no such thing") {
		t.Error(err)
	}
	if read(t, path) != "old\n" || len(others(t, path)) > 0 {
		t.Errorf("%q %q", read(t, path), others(t, path))
	}
}

// TestCommandIsDue: a command that fails is run again, by the next process too.
func TestCommandIsDue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.conf")
	fail := write(t, "fail", "")
	settings := FileSettings{File: path, Command: Shell("! test -e " + fail)}
	ctx, s := context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: settings})
	for range 2 {
		if changed, err := j.reconcile(ctx, s); causeOf(err) != causeCommand || !changed {
			t.Fatal(changed, err)
		}
	}
	must(t, os.Remove(fail))
	j = onlyJob(t, &Template{Text: oneLine, FileSettings: settings})
	for _, want := range []bool{true, false} {
		if changed, err := j.reconcile(ctx, s); err != nil || changed != want {
			t.Errorf("%v %v", changed, err)
		}
	}
	if names := others(t, path); len(names) > 0 {
		t.Errorf("left over: %q", names)
	}
}

// TestFileBehindLink: a link is written through, also one to a file that does not exist yet.
// Where its directory does not exist either, the error says so and the link stays.
func TestFileBehindLink(t *testing.T) {
	dir, there := t.TempDir(), t.TempDir()
	link, behind := filepath.Join(dir, "a.conf"), filepath.Join(there, "b.conf")
	must(t, os.Symlink("hop.conf", link))
	must(t, os.Symlink(behind, filepath.Join(dir, "hop.conf")))
	lost := filepath.Join(dir, "lost.conf")
	must(t, os.Symlink(filepath.Join(there, "none", "c.conf"), lost))
	ctx, s := context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{File: link, Mode: "0640"}})
	if changed, err := j.reconcile(ctx, s); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if to, err := os.Readlink(link); err != nil || to != "hop.conf" || read(t, behind) != "master=10.0.0.1:1\n" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if info, err := os.Stat(behind); err != nil || info.Mode().Perm() != 0o640 || len(others(t, behind)) > 0 {
		t.Errorf("%v %v %q", info, err, others(t, behind))
	}
	j = onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{File: lost}})
	if _, err := j.reconcile(ctx, s); causeOf(err) != causeWrite || !strings.Contains(err.Error(), "is a symbolic link to "+filepath.Join(there, "none", "c.conf")) {
		t.Error(err)
	}
	if _, err := os.Readlink(lost); err != nil {
		t.Error(err)
	}
}

// TestFilesBeside: what stands where the agent wants to write beside the file is not written to.
func TestFilesBeside(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "a.conf"), filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(victim, []byte("precious"), 0o600))
	for _, name := range []string{".a.gosentinel-check.conf", ".a.gosentinel-due.conf"} {
		must(t, os.Symlink(victim, filepath.Join(dir, name)))
	}
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{File: path, Validate: Program("test", "-f", "{file}"), Command: Program("true")}})
	if _, err := j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}); err != nil || read(t, victim) != "precious" || read(t, path) != "master=10.0.0.1:1\n" {
		t.Error(err, read(t, victim))
	}
	// Where nothing can be written it is not the validation that fails.
	j = onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{File: filepath.Join(dir, "none", "a.conf"), Validate: Program("true")}})
	if _, err := j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}); causeOf(err) != causeWrite {
		t.Error(err)
	}
}

func TestFileErrors(t *testing.T) {
	ctx, s := context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}
	dir := t.TempDir()
	for want, target := range map[string]*Template{
		"read: ":                       {Text: "x", FileSettings: FileSettings{File: dir}},
		`there is no group "cahce"`:    {Text: `{{ group "cahce" }}`, FileSettings: FileSettings{File: dir + "/a"}},
		"write: ":                      {Text: "x", FileSettings: FileSettings{File: dir + "/none/a"}},
		`no program "no-such-program"`: {Text: "x", FileSettings: FileSettings{File: dir + "/b", Validate: Program("no-such-program")}},
	} {
		if _, err := onlyJob(t, target).reconcile(ctx, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	var wait *waiting
	if _, err := onlyJob(t, &Template{Text: "x", FileSettings: FileSettings{File: dir + "/c"}}).plan(ctx, Snapshot{{Name: "cache"}}); !errors.As(err, &wait) {
		t.Error(err)
	}
}

// overdue is a context whose time is over when the test says so.
type overdue struct {
	context.Context
	over chan struct{}
}

func (o overdue) Done() <-chan struct{} { return o.over }

func (o overdue) Err() error {
	select {
	case <-o.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestCommandTimeout: a command that hangs is killed with what it has started.
func TestCommandTimeout(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	o := overdue{context.Background(), make(chan struct{})}
	type result struct {
		out string
		err error
	}
	ended := make(chan result, 1)
	go func() {
		out, err := Shell("echo begun; sleep 1000 & echo $! > "+pid+"; wait").run(o, "", nil, time.Hour)
		ended <- result{out, err}
	}()
	eventually(t, "the command to hang", func() bool { b, err := os.ReadFile(pid); return err == nil && strings.HasSuffix(string(b), "\n") })
	close(o.over)
	if r := <-ended; r.err == nil || !strings.Contains(r.err.Error(), "has not ended within 1h0m0s: begun") || r.out != "begun" {
		t.Errorf("%q %v", r.out, r.err)
	}
	stat := "/proc/" + strings.TrimSpace(read(t, pid)) + "/stat"
	eventually(t, "what it has started to be gone", func() bool {
		text, err := os.ReadFile(stat)
		return err != nil || strings.Contains(string(text), ") Z ")
	})
}

// TestCommandLeavesDaemon: a command has ended although a daemon that it has started goes on
// with its output, and the daemon goes on.
func TestCommandLeavesDaemon(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	out, err := Shell("sleep 1000 & echo $! > "+pid+"; echo started").run(context.Background(), "", nil, 0)
	if err != nil || out != "started" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := Shell("kill $(cat "+pid+")").run(context.Background(), "", nil, 0); err != nil {
		t.Errorf("it is not there any more: %v", err)
	}
}

func TestCommandOutput(t *testing.T) {
	out, err := Shell("yes x | head -c 100000; echo {file} $A").run(context.Background(), "a 'b'", []string{"A=c"}, 0)
	if err != nil || len(out) > maxOutput || !strings.HasSuffix(out, "x\na 'b' c") {
		t.Errorf("%d bytes: %.20q %v", len(out), out, err)
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"a\n", "a\n", ""},
		{"", "a\nb\n", "--- f\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"a\n", "", "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
		{"a", "a\n", "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"},
	} {
		if got := unified("f", []byte(c.from), []byte(c.to)); got != c.want {
			t.Errorf("%q -> %q:\n%s", c.from, c.to, got)
		}
	}
	if got := diffLines(splitLines("c\na\nb\n"), splitLines("a\nb\nd\n")); len(got) != 4 {
		t.Errorf("%v", got)
	}
}

// TestDiffApplies: what the diff says leads from one text to the other, as patch reads it.
func TestDiffApplies(t *testing.T) {
	patch, err := find("patch")
	if err != nil {
		t.Skip("needs patch")
	}
	from := strings.Repeat("x\n", 20) + "a\n" + strings.Repeat("y\n", 9) + "b\nc\n" + strings.Repeat("z\n", 8)
	to := "new\n" + strings.Repeat("x\n", 20) + "A\n" + strings.Repeat("y\n", 9) + "c\nd\n" + strings.Repeat("z\n", 7)
	path := write(t, "f", from)
	out, err := Shell(patch+" {file} <<'END'\n"+unified("f", []byte(from), []byte(to))+"END").run(context.Background(), path, nil, 0)
	if err != nil || read(t, path) != to {
		t.Errorf("%v %s", err, out)
	}
}
