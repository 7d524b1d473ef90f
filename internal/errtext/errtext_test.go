package errtext

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"
)

func TestCause(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.EACCES, "Permission denied"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, "No such file or directory"},
		{fmt.Errorf("while saving: %w", syscall.ENOSPC), "No space left on device"},
		{errors.New("some other reason"), "some other reason"},
	} {
		if got := Cause(c.err); got != c.want {
			t.Errorf("Cause(%v) is %q, want %q", c.err, got, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	start := &StartError{Lines: []string{"first", "second"}, Err: syscall.EADDRINUSE}
	for _, c := range []struct {
		err  error
		want []string
	}{
		{errors.Join(errors.New("a"), errors.New("b")), []string{"a; b"}},
		{fmt.Errorf("wrapped: %w", start), []string{"first", "second"}},
	} {
		if got := Lines(c.err); !slices.Equal(got, c.want) {
			t.Errorf("Lines(%q) is %q, want %q", c.err, got, c.want)
		}
	}
	if !errors.Is(start, syscall.EADDRINUSE) || start.Error() != "first second" {
		t.Errorf("the start error %v hides its cause", start)
	}
}

func TestParts(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	got := Parts(errors.Join(a, errors.Join(b, c)))
	if !slices.Equal(got, []error{a, b, c}) {
		t.Errorf("the parts are %v", got)
	}
	if got := Parts(a); !slices.Equal(got, []error{a}) {
		t.Errorf("the part of a single error is %v", got)
	}
}
