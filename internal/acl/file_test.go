package acl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	l := newList(t, Options{})
	set(t, l, "stays", "on", "nopass", "&a", "&b", "+info")
	set(t, l, "leaves", "on", "nopass", "&*")
	l.SetDefaultPassword("x")
	stays, _ := l.User("stays")
	leaves, _ := l.User("leaves")
	_, err := l.Load("users.acl", []byte("\n  user stays on \t >a   &a (&c +ping) \r\n\n\tuser new\tx\n"))
	if err == nil || !strings.Contains(err.Error(), "username 'new\tx' contains invalid characters") {
		t.Fatal(err)
	}
	change, err := l.Load("users.acl", []byte("\n  user stays on\t >a   &a (&c +ping) \r\n\n\tuser new\t\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Lines(); !slices.Equal(got, []string{
		"user default on nopass sanitize-payload ~* &* +@all",
		"user new off sanitize-payload resetchannels -@all",
		"user stays on sanitize-payload #" + hashA + " resetchannels &a -@all (resetchannels &c -@all +ping)",
	}) {
		t.Errorf("%q", got)
	}
	if now, _ := l.User("stays"); now != stays {
		t.Error("a user that stayed is another now")
	}
	for _, c := range []struct {
		user    *User
		channel string
		want    bool
	}{{stays, "a", false}, {stays, "b", true}, {leaves, "a", true}, {l.Default(), "z", false}} {
		if got := change.Ends(c.user, []string{c.channel}, nil); got != c.want {
			t.Errorf("%s subscribed to %s: ended %v", c.user.Name(), c.channel, got)
		}
	}
	if _, err := l.Load("users.acl", nil); err != nil || !slices.Equal(l.Users(), []string{"default"}) {
		t.Errorf("an empty file: %v, %q", err, l.Users())
	}
	if _, err := l.Load("users.acl", []byte("user default off")); err != nil || l.Open() || line(t, l, "default") != "off sanitize-payload resetchannels -@all" {
		t.Errorf("a default user without rights: %v, %q", err, l.Lines())
	}
}

func TestLoadProblems(t *testing.T) {
	l := newList(t, Options{})
	set(t, l, "u", "on")
	before := l.Lines()
	_, err := l.Load("f", []byte("user bob on +get -@nope\nuser a ~* ~b ~c >x\n# note\nUSER c\nuser\nuser  x\nuser a on\nuser q (a\nuser q on"))
	var file *FileError
	if !errors.As(err, &file) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range file.Problems {
		got = append(got, fmt.Sprint(p.Line, " ", p.Text))
	}
	want := []string{
		"1 Error in applying operation '+get': " + ErrUnknownCommand.Error(),
		"1 Error in applying operation '-@nope': " + ErrUnknownCommand.Error(),
		"2 " + ErrAllKeys.Error(),
		"3 should start with user keyword followed by the username",
		"4 should start with user keyword followed by the username",
		"5 should start with user keyword followed by the username",
		"6 Syntax error",
		"7 Duplicate user 'a' found",
		"8 Unmatched parenthesis in selector definition",
		"9 Duplicate user 'q' found",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if text := err.Error(); !strings.HasPrefix(text, "f:1: Error in applying operation '+get': Unknown command or category name in ACL. f:1: ") ||
		!strings.Contains(text, "f:3 should start with user keyword followed by the username. ") ||
		!strings.Contains(text, "WARNING: Duplicate user 'a' found on line 7. ") ||
		!strings.HasSuffix(text, ". WARNING: ACL errors detected, no change to the previously active ACL rules was performed") {
		t.Error(text)
	}
	if !slices.Equal(l.Lines(), before) {
		t.Errorf("a bad file changed the users: %q", l.Lines())
	}
	_, err = l.Load("f", []byte(strings.Repeat("garbage\n", 100_000)))
	if !errors.As(err, &file) || len(file.Problems) != 100_000 || len(err.Error()) > 10_000 || !strings.Contains(err.Error(), "And 99900 more. ") {
		t.Errorf("a file of garbage: %d bytes of error", len(err.Error()))
	}
}

func TestDeclare(t *testing.T) {
	l := newList(t, Options{})
	l.SetDefaultPassword("x")
	for _, user := range []string{"bob on >a +ping", "eve (+ping &a)", "default on nopass"} {
		words := splitWords(user)
		if err := l.Declare(words[0], words[1:]...); err != nil {
			t.Error(err)
		}
	}
	if got := l.Lines(); !slices.Equal(got, []string{
		"user bob on sanitize-payload #" + hashA + " resetchannels -@all +ping",
		"user default on nopass sanitize-payload resetchannels -@all",
		"user eve off sanitize-payload resetchannels -@all (resetchannels &a -@all +ping)",
	}) {
		t.Errorf("%q", got)
	}
	for _, c := range []struct {
		user, text string
		err        error
	}{
		{"bob on", "Error in user declaration 'bob': " + ErrDuplicateUser.Error(), ErrDuplicateUser},
		{"a\tb on", "Spaces not allowed in ACL usernames", ErrUserName},
		{"x on +get", "Error loading ACL rule '+get' for the user named 'x': " + ErrUnknownCommand.Error(), ErrUnknownCommand},
		{"x on secret", "Error in user declaration '***': Syntax error", ErrSyntax},
		{"x on (+nosuch >secret)", "Error loading ACL rule '(***' for the user named 'x': " + ErrUnknownCommand.Error(), ErrUnknownCommand},
		{"x on ~a\t", "Error in user declaration '~a\t': Syntax error", ErrSyntax},
		{"x on (>secret +ping", "Error in user declaration '(***': " + ErrOpenParenthesis.Error(), ErrOpenParenthesis},
		{"x on <secret", "Error in user declaration '<***': " + ErrNoSuchPassword.Error(), ErrNoSuchPassword},
		{"x on (+ping", "Error in user declaration '(+ping': Unmatched parenthesis in selector definition", ErrOpenParenthesis},
	} {
		words := splitWords(c.user)
		if err := l.Declare(words[0], words[1:]...); !errors.Is(err, c.err) || err.Error() != c.text {
			t.Errorf("%q: %v", c.user, err)
		}
	}
	if err := l.Declare("x", "on"); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("user bob on >a ~* &* +@all\nuser eve (+ping &a)\n"))
	f.Add([]byte("user default on\r\n\n user \t\nuser  on\x00"))
	f.Add([]byte(`user x ("~a\"b" '&c)') +ping|y)`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := newList(t, Options{})
		before := l.Lines()
		if _, err := l.Load("f", text); err != nil {
			var file *FileError
			if !errors.As(err, &file) || len(file.Problems) == 0 || !slices.Equal(l.Lines(), before) {
				t.Fatalf("%q: %v, then %q", text, err, l.Lines())
			}
			for _, p := range file.Problems {
				if p.Line < 1 || p.Line > 1+strings.Count(string(text), "\n") || p.Text == "" {
					t.Fatalf("%q: %v", text, p)
				}
			}
			return
		}
		again := newList(t, Options{AllChannels: true})
		if _, err := again.Load("f", l.Render()); err != nil || !slices.Equal(again.Lines(), l.Lines()) {
			t.Fatalf("%q\nrendered %q\n%v", text, l.Render(), err)
		}
		for _, name := range l.Users() {
			sameUserOf(t, l, again, name)
		}
	})
}

// sameUserOf compares what a user may do on two lists; names may be empty here.
func sameUserOf(t *testing.T, a, b *List, name string) {
	t.Helper()
	for _, request := range probes() {
		if one, two := check(t, a, name, request), check(t, b, name, request); one != two {
			t.Errorf("user %q: %q: %v, then %v", name, request, one, two)
		}
	}
}
