package filelock

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestMain plays the other process: with a path in its environment it locks that and
// waits to be killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("FILELOCK_TAKE"); path != "" {
		if _, err := Take(path); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("locked\n")
		bufio.NewReader(os.Stdin).ReadString('\n')
		return
	}
	os.Exit(m.Run())
}

// TestHeld: who comes second is told, and may have it afterwards. Nothing is left.
func TestHeld(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	l, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Take(path); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("second: %v", err)
	}
	l.Release()
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
	if l, err = Take(path); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	l.Release()
}

// TestLink: a link to the file is the file.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "state"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Symlink(path, link)); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	l, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := Take(link); !errors.As(err, new(*HeldError)) {
		t.Errorf("through a link: %v", err)
	}
}

// TestKilled: another process keeps the file, and its death gives it back.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "FILELOCK_TAKE="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatal(line, err)
	}
	var held *HeldError
	if _, err := Take(path); !errors.As(err, &held) || held.PID != other.Process.Pid {
		t.Errorf("while it lives: %v", err)
	}
	other.Process.Kill()
	other.Wait()
	l, err := Take(path)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	l.Release()
}

// TestReadOnly: where no file can be created, the file itself is locked.
func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := errors.Join(os.WriteFile(path, []byte("kept"), 0o600), os.Mkdir(path+suffix, 0o700)); err != nil {
		t.Fatal(err)
	}
	// A directory stands for all that keeps the lock from being created.
	l, err := Take(path)
	if err != nil || l.own {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := Take(path); !errors.As(err, new(*HeldError)) {
		t.Errorf("second: %v", err)
	}
	l.Release()
	if text, err := os.ReadFile(path); string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestNowhere: what cannot be locked says so, and is not taken for locked by somebody.
func TestNowhere(t *testing.T) {
	_, err := Take(filepath.Join(t.TempDir(), "missing", "state"))
	if err == nil || errors.As(err, new(*HeldError)) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("%v", err)
	}
}

// TestOneAtATime: whoever removes its lock does not let two others in.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	var inside, times atomic.Int32
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for times.Load() < 500 {
				l, err := Take(path)
				if errors.As(err, new(*HeldError)) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) > 1 {
					t.Error("two have locked it")
				}
				times.Add(1)
				inside.Add(-1)
				l.Release()
			}
		})
	}
	work.Wait()
}
