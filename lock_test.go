package sentinel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStateFileInUse: of two Sentinels with one state file the second does not start,
// changes nothing, and may be tried again.
func TestStateFileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.toml")
	first, end := run(t, Config{StateFile: path})
	<-first.Ready()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := New(Config{StateFile: path, Masters: []MasterConfig{{Name: "other", Addr: "127.0.0.1:1", Quorum: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := second.Run(ctx); !errors.Is(err, ErrStateInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("the second: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("it has changed the state:\n%s", after)
	}
	if err := first.Monitor(t.Context(), MasterConfig{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}); err != nil {
		t.Errorf("the first cannot save any more: %v", err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	third, end := run(t, Config{StateFile: path})
	<-third.Ready()
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

// TestStateOfAPredecessor: one that is made while another works on its state file, and
// run after that has ended, begins with what the other has saved last.
func TestStateOfAPredecessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.toml")
	next, err := New(Config{StateFile: path})
	if err != nil {
		t.Fatal(err)
	}
	s, end := run(t, Config{StateFile: path})
	<-s.Ready()
	if err := s.Monitor(t.Context(), MasterConfig{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	id := savedID(t, path)
	end = runs(next)
	<-next.Ready()
	if _, err := next.Master(t.Context(), "cache"); err != nil {
		t.Errorf("the master is forgotten: %v", err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if got := savedID(t, path); id == "" || got != id {
		t.Errorf("its id was %s and is %s", id, got)
	}
}

func savedID(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return line(text, "myid = ")
}
