package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong, or that an operator does. A and B say what it
// concerns; what they mean depends on the kind, and any number is valid, because
// it is taken modulo the number of things there are. D is how long it lasts; 0
// means until everything is healed.
type Fault struct {
	At   time.Duration // since the beginning
	On   string        // when set: the first event of this name after At
	Kind string
	A, B int
	D    time.Duration
}

// String is the text form: at 3.2s crash-master a=0 b=1 for 5s.
func (f Fault) String() string {
	s := "at " + f.At.String()
	if f.On != "" {
		s += " on " + f.On
	}
	s += fmt.Sprintf(" %s a=%d b=%d", f.Kind, f.A, f.B)
	if f.D > 0 {
		s += " for " + f.D.String()
	}
	return s
}

func parseFault(words []string) (Fault, error) {
	var f Fault
	bad := func() (Fault, error) {
		return f, fmt.Errorf("%q: want at TIME [on EVENT] KIND [a=N] [b=N] [for TIME]", strings.Join(words, " "))
	}
	rest := words[1:]
	take := func() string {
		if len(rest) == 0 {
			return ""
		}
		word := rest[0]
		rest = rest[1:]
		return word
	}
	var err error
	if f.At, err = time.ParseDuration(take()); err != nil || f.At < 0 {
		return bad()
	}
	if len(rest) > 1 && rest[0] == "on" {
		take()
		f.On = take()
	}
	f.Kind = take()
	for len(rest) > 0 {
		word := take()
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "a":
			f.A, err = strconv.Atoi(value)
		case key == "b":
			f.B, err = strconv.Atoi(value)
		case word == "for":
			f.D, err = time.ParseDuration(take())
		default:
			return bad()
		}
		if err != nil || f.A < 0 || f.B < 0 || f.D < 0 {
			return bad()
		}
	}
	return f, nil
}
