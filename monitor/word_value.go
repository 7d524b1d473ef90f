package monitor

import (
	"errors"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
)

// wordValue is a field of a table of options whose values are words, which stand in the
// order of the constants of its type. Other words may mean the same.
type wordValue[T ~uint8] struct {
	at    *T
	words []string
	also  map[string]T
}

func (v wordValue[T]) Kind() option.Kind { return option.Word }

func (v wordValue[T]) SetLine(words []string) error {
	if len(words) != 1 {
		return option.ErrArity
	}
	if v.SetCommand(words) != option.Good {
		return errors.New("argument must be " + v.choice())
	}
	return nil
}

func (v wordValue[T]) SetCommand(values []string) (bad int) {
	word := strings.ToLower(values[0])
	if t, ok := v.also[word]; ok {
		*v.at = t
		return option.Good
	}
	i := slices.Index(v.words, word)
	if i < 0 {
		return 0
	}
	*v.at = T(i)
	return option.Good
}

// Why says what a command may say instead.
func (v wordValue[T]) Why(string) error { return errors.New("it must be " + v.choice()) }

func (v wordValue[T]) choice() string {
	last := len(v.words) - 1
	return strings.Join(v.words[:last], ", ") + " or " + v.words[last]
}

func (v wordValue[T]) Lines() [][]string { return [][]string{{v.words[*v.at]}} }

func (v wordValue[T]) Clear() { *v.at = 0 }
