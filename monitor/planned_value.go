package monitor

import (
	"errors"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
)

// PlannedFailover says how a failover is done that someone asks for while the master
// is well. The zero value is PlannedSafe.
type PlannedFailover uint8

// The ways to do a planned failover.
const (
	PlannedSafe  PlannedFailover = iota // the old master takes no write once the new one may
	PlannedStock                        // as the original does: promote first, demote later
)

var plannedWords = []string{"safe", "stock"} // in the order of the constants

// String returns the word that stands for p in a file.
func (p PlannedFailover) String() string { return plannedWords[p] }

// plannedValue is a field for a [PlannedFailover] in a table of options.
type plannedValue struct{ how *PlannedFailover }

func (v plannedValue) Kind() option.Kind { return option.Word }

func (v plannedValue) SetLine(words []string) error {
	if len(words) != 1 {
		return option.ErrArity
	}
	if v.SetCommand(words) != option.Good {
		return errors.New("argument must be " + strings.Join(plannedWords, " or "))
	}
	return nil
}

func (v plannedValue) SetCommand(values []string) (bad int) {
	i := slices.Index(plannedWords, strings.ToLower(values[0]))
	if i < 0 {
		return 0
	}
	*v.how = PlannedFailover(i)
	return option.Good
}

// Why says what a command may say instead.
func (v plannedValue) Why(string) error {
	return errors.New("it must be " + strings.Join(plannedWords, " or "))
}

func (v plannedValue) Lines() [][]string { return [][]string{{v.how.String()}} }

func (v plannedValue) Clear() { *v.how = PlannedSafe }
