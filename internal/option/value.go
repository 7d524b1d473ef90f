package option

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors of values in files, in the words of the originals.
var (
	ErrArity = errors.New("wrong number of arguments")
	ErrYesNo = errors.New("argument must be 'yes' or 'no'")
)

// SetLine sets the option to what a line of a sentinel.conf says, given the words
// that follow the name (and, for an option of a master, that of the master). An
// error may be a [Tolerated]. With any other error the option is unchanged.
func (r *Row[T]) SetLine(t *T, words []string) error {
	at := r.At(t)
	switch p := at.(type) {
	case *[]string:
		return r.setList(p, words)
	case Value:
		return p.SetLine(words)
	}
	if len(words) != 1 {
		return ErrArity
	}
	return r.setWord(at, words[0])
}

func (s *Spec) setWord(at any, word string) error {
	switch p := at.(type) {
	case *string:
		return s.setText(p, word)
	case *int:
		n, err := s.number(word, int64(math.MaxInt))
		if err == nil {
			*p = int(n)
		}
		return err
	case *time.Duration:
		n, err := s.number(word, int64(math.MaxInt64/s.Unit))
		if err == nil {
			*p = time.Duration(n) * s.Unit
		}
		return err
	case *bool:
		yes, ok := parseYesNo(word)
		if !ok {
			return ErrYesNo
		}
		*p = yes != s.Negated
		return nil
	}
	panic(fmt.Sprintf("option %q has a field of unknown type %T", s.Name, at))
}

func (s *Spec) setText(p *string, word string) error {
	if s.Words != nil {
		word = strings.ToLower(word)
		if !slices.Contains(s.Words, word) {
			return fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(s.Words, ", "))
		}
	}
	*p = word
	return nil
}

func (s *Spec) number(word string, hi int64) (int64, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("argument couldn't be parsed into an integer")
	}
	if s.Hi != 0 {
		hi = min(hi, s.Hi)
	}
	if err == nil && s.Lo <= n && n <= hi {
		return n, nil
	}
	msg := fmt.Sprintf("argument must be between %d and %d inclusive", s.Lo, hi)
	if s.Lenient {
		return 0, Tolerated(msg + "; the default is used")
	}
	return 0, errors.New(msg)
}

func (s *Spec) setList(p *[]string, words []string) error {
	switch {
	case len(words) == 0 && s.Empty:
		words = []string{""}
	case len(words) == 0:
		return ErrArity
	}
	*p = slices.Clone(words)
	return nil
}

// longestPeriod is the longest time that a command may set, ten years. Beyond it
// the sums of instants and multiples of the period would overflow, and what was
// meant as "never" would be due at once.
const longestPeriod = 10 * 365 * 24 * time.Hour

// SetCommand sets the option to the values of a command. It returns [Good], or the
// index of the value that is bad; the option is then unchanged. The number of
// values is that of [Row.Arity].
func (r *Row[T]) SetCommand(t *T, values []string) (bad int) {
	at := r.At(t)
	if v, ok := at.(Commanded); ok {
		return v.SetCommand(values)
	}
	if !r.commandWord(at, values[0]) {
		return 0
	}
	return Good
}

// Why returns ": " and the reason for which a command cannot set the option to word,
// or nothing when there is none to tell.
func (r *Row[T]) Why(t *T, word string) string {
	if v, ok := r.At(t).(Explained); ok {
		if err := v.Why(word); err != nil {
			return ": " + err.Error()
		}
	}
	return ""
}

// Arity returns how many values a command gives for the option.
func (r *Row[T]) Arity() int {
	if r.kind == Pairs {
		return 2
	}
	return 1
}

func (s *Spec) commandWord(at any, word string) (ok bool) {
	switch p := at.(type) {
	case *string:
		return s.setText(p, word) == nil
	case *int:
		n, ok := s.commandNumber(word, math.MaxInt32)
		if ok {
			*p = int(n)
		}
		return ok
	case *time.Duration:
		n, ok := s.commandNumber(word, int64(longestPeriod/s.Unit))
		if ok {
			*p = time.Duration(n) * s.Unit
		}
		return ok
	case *bool:
		yes, ok := parseYesNo(word)
		if ok {
			*p = yes != s.Negated
		}
		return ok
	}
	panic(fmt.Sprintf("option %q: no command sets a field of type %T", s.Name, at))
}

// commandNumber accepts the one canonical spelling of a number, as the originals
// do in commands.
func (s *Spec) commandNumber(word string, hi int64) (n int64, ok bool) {
	if s.Hi != 0 {
		hi = min(hi, s.Hi)
	}
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == word && s.Lo <= n && n <= hi
}

// Lines returns the words that set the option to its present value: those of each
// line, without the name.
func (r *Row[T]) Lines(t *T) [][]string {
	one := func(word string) [][]string { return [][]string{{word}} }
	switch p := r.At(t).(type) {
	case *string:
		return one(*p)
	case *int:
		return one(strconv.Itoa(*p))
	case *time.Duration:
		return one(strconv.FormatInt(int64(*p/r.Unit), 10))
	case *bool:
		return one(yesNo(*p != r.Negated))
	case *[]string:
		return [][]string{slices.Clone(*p)}
	case Value:
		return p.Lines()
	default:
		panic(fmt.Sprintf("option %q: no words for type %T", r.Name, p))
	}
}

// Text returns the present value as one text, as a reply shows it.
func (r *Row[T]) Text(t *T) string {
	var words []string
	for _, line := range r.Lines(t) {
		words = append(words, line...)
	}
	return strings.Join(words, " ")
}
