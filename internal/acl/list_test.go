package acl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func splitWords(s string) []string { return strings.Split(s, " ") }

func TestAuthenticate(t *testing.T) {
	for _, c := range []struct {
		rules, password string
		ok              bool
	}{
		{"on >a", "a", true},
		{"on >a", "b", false},
		{"on >a", "", false},
		{"on >a >b", "a", true},
		{"on >a >b", "b", true},
		{"on >a <a", "a", false},
		{"on >", "", true},
		{"on >", "a", false},
		{"on nopass", "anything", true},
		{"on", "", false},
		{"off >a", "a", false},
		{"off nopass", "a", false},
		{"on >a", hashA, false},
		{"on #" + hashA, "a", true},
	} {
		l := newList(t, Options{})
		set(t, l, "u", splitWords(c.rules)...)
		u, err := l.Authenticate("u", c.password)
		if c.ok && (err != nil || u.Name() != "u") || !c.ok && (!errors.Is(err, ErrWrongPass) || u != nil) {
			t.Errorf("%s, %q: %v, %v", c.rules, c.password, u, err)
		}
	}
	for _, password := range []string{"", "a"} {
		if u, err := newList(t, Options{}).Authenticate("nobody", password); !errors.Is(err, ErrWrongPass) || u != nil {
			t.Errorf("a user that does not exist: %v, %v", u, err)
		}
	}
}

func TestDefaultUser(t *testing.T) {
	l := newList(t, Options{})
	d := l.Default()
	if !l.Open() || !d.NoPass() || !d.Enabled() || d.Name() != "default" {
		t.Error("the default user of a new list is not open")
	}
	l.SetDefaultPassword("a")
	if l.Open() || d.NoPass() {
		t.Error("open in spite of a password")
	}
	if got := line(t, l, "default"); got != "on sanitize-payload #"+hashA+" ~* &* +@all" {
		t.Error(got)
	}
	l.SetDefaultPassword("b")
	if u, err := l.Authenticate("default", "a"); err == nil {
		t.Error("the old password still works", u)
	}
	if u, err := l.Authenticate("default", "b"); err != nil || u != d {
		t.Error(u, err)
	}
	l.SetDefaultPassword("")
	if !l.Open() {
		t.Error("not open without a password")
	}
	set(t, l, "default", "off")
	if l.Open() || !d.NoPass() || d.Enabled() {
		t.Error("a disabled default user is open")
	}
	if n, err := l.DelUsers("default"); n != 0 || !errors.Is(err, ErrRemoveDefault) || err.Error() != "The 'default' user cannot be removed" {
		t.Error(n, err)
	}
	set(t, l, "a")
	if got := l.DisabledUsers(); !slices.Equal(got, []string{"a", "default"}) {
		t.Errorf("%q", got)
	}
}

func TestDelUsers(t *testing.T) {
	l := newList(t, Options{})
	set(t, l, "a", "on", "nopass", "+@all")
	set(t, l, "b")
	a, err := l.Authenticate("a", "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.DelUsers("a", "default"); n != 0 || err == nil || a.Deleted() {
		t.Error(n, err)
	}
	if n, err := l.DelUsers("a", "nope", "b", "a"); n != 2 || err != nil || !a.Deleted() {
		t.Error(n, err)
	}
	if got := l.Users(); !slices.Equal(got, []string{"default"}) {
		t.Errorf("%q", got)
	}
	words := [][]byte{[]byte("ping")}
	if d := l.Check(a, "ping", words); d.Reason != DeniedCommand || d.Object != "ping" || d.User != "a" {
		t.Errorf("a deleted user: %v", d)
	}
	if d := l.Check(a, "auth", nil); d.Denied() {
		t.Errorf("a deleted user cannot log in as another: %v", d)
	}
	set(t, l, "a", "on", "nopass", "+@all")
	if d := l.Check(a, "ping", words); !d.Denied() {
		t.Error("a deleted user came back with a new one of that name")
	}
	if !(Change{}).Ends(a, nil, nil) {
		t.Error("the connection of a deleted user goes on")
	}
}

func TestChange(t *testing.T) {
	subscriptions := []struct {
		name               string
		channels, patterns []string
	}{{"none", nil, nil}, {"ab", []string{"axx", "b"}, nil}, {"pa", nil, []string{"a*"}}}
	for _, c := range []struct{ rules, ended string }{
		{"off", ""},
		{"-@all", ""},
		{"&c*", ""},
		{"allchannels", ""},
		{"resetchannels &a* &b", ""},
		{"resetchannels (&a* &b)", ""},
		{"resetchannels (+ping &a*) (&b)", ""},
		{"resetchannels &a*", "ab"},
		{"resetchannels &b", "ab pa"},
		{"resetchannels &axx &b", "pa"},
		{"resetchannels", "ab pa"},
		{"reset", "ab pa"},
	} {
		l := newList(t, Options{})
		set(t, l, "u", "on", "nopass", "+@all", "&a*", "&b")
		u, _ := l.User("u")
		change := set(t, l, "u", splitWords(c.rules)...)
		var ended []string
		for _, s := range subscriptions {
			if change.Ends(u, s.channels, s.patterns) {
				ended = append(ended, s.name)
			}
			if change.Ends(l.Default(), s.channels, s.patterns) {
				t.Errorf("%s: ends a connection of another user", c.rules)
			}
		}
		if got := strings.Join(ended, " "); got != c.ended {
			t.Errorf("%s: ended %q, want %q", c.rules, got, c.ended)
		}
	}
}

// TestConcurrency uses connections while users change. Every change keeps the
// invariant that exactly one of ping and info is allowed, so a torn read of rules
// would be detected.
func TestConcurrency(t *testing.T) {
	l := newList(t, Options{LogMaxEntries: 8})
	set(t, l, "u", "on", "nopass", "+ping")
	rules := []string{"-info +ping", "-ping +info", "reset on nopass +ping (&a)", "reset on >x nopass +info"}
	var wg, writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for i := range 500 {
				if _, err := l.SetUser("u", splitWords(rules[(w+i)%len(rules)])...); err != nil {
					t.Error(err)
				}
				name := fmt.Sprint("tmp", w)
				if _, err := l.SetUser(name, "on", ">x"); err != nil {
					t.Error(err)
				}
				if n, err := l.DelUsers(name); n != 1 || err != nil {
					t.Error(n, err)
				}
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				u, err := l.Authenticate("u", "x")
				if err != nil {
					t.Error(err)
					return
				}
				v, _ := l.View("u")
				if ping, info := strings.Contains(v.Commands, "+ping"), strings.Contains(v.Commands, "+info"); ping == info {
					t.Errorf("saw half a change: %s", v.Commands)
				}
				l.LogDenial(testTime, l.Check(u, "info", nil), "client")
				l.Log(3)
				l.Lines()
				l.DisabledUsers()
			}
		})
	}
	writers.Wait()
	close(done)
	wg.Wait()
}
