package configrewrite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDeletedUserStaysDeleted deletes users at run time that an included file
// and the command line define, and demands that they do not come back with a
// restart: nobody can log in as one of them.
func TestDeletedUserStaysDeleted(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	included := write("users.conf", "user bob on >secret +@all\nuser eve on >secret +@all\n")
	path := write("sentinel.conf", "include "+included+"\nuser own on >secret +ping\nsentinel myid "+strings.Repeat("a", 40)+"\nsentinel current-epoch 0\n")
	overrides := []string{"user line on >secret +@all"}
	load := func() *File {
		t.Helper()
		f, err := Load(path, overrides)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	save := func(f *File, users ...[]string) {
		t.Helper()
		f.Track(func() Live {
			return Live{Users: append(users, []string{"default", "on", "nopass", "sanitize-payload", "~*", "&*", "+@all"})}
		})
		if err := f.Save(f.State()); err != nil {
			t.Fatal(err)
		}
	}
	f := load()
	if got := len(f.Settings().Users); got != 4 {
		t.Fatalf("%d users: %q", got, f.Settings().Users)
	}
	save(f, []string{"eve", "on", ">secret", "+@all"}) // the others are gone
	for range 2 {                                      // also from a file that was saved so, and is saved again
		f = load()
		got := f.Settings().Users
		slices.Sort(got)
		want := []string{
			"bob off sanitize-payload resetchannels -@all", "default on nopass sanitize-payload ~* &* +@all",
			"eve on >secret +@all", "line off sanitize-payload resetchannels -@all",
		}
		if !slices.Equal(withoutDefault(got), withoutDefault(want)) {
			t.Errorf("users after a restart\n %q\nwant\n %q", got, want)
		}
		save(f, []string{"eve", "on", ">secret", "+@all"})
	}
	if warnings := strings.Join(load().Warnings(), "\n"); !strings.Contains(warnings, "user bob of an included file is ignored") ||
		!strings.Contains(warnings, "user line of the command line is ignored") {
		t.Errorf("nobody is told: %s", warnings)
	}
}

func withoutDefault(users []string) []string {
	return slices.DeleteFunc(slices.Clone(users), func(u string) bool { return userName(u) == defaultUser })
}
