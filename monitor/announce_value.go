package monitor

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
)

// announceValue is a field for the address that this Sentinel announces, in a table
// of options.
type announceValue struct{ host *string }

func (v announceValue) Kind() option.Kind { return option.Text }

// SetLine takes what a file says. Images of well-known operators write 0.0.0.0,
// which would lead every other Sentinel to itself; stock Sentinels count their own
// votes twice then. Blanks around an address come from scripts. What nobody could ever
// have used is an error.
func (v announceValue) SetLine(words []string) error {
	if len(words) != 1 {
		return option.ErrArity
	}
	host := strings.Trim(words[0], " \t\r\n")
	err := valid.Announced(host)
	switch {
	case host == "":
		*v.host = ""
		return nil
	case err == valid.ErrUnusable:
		*v.host = ""
		return option.Tolerated("other Sentinels cannot connect to " + host + ". It counts as not set: they are told the address of the connection")
	case err != nil:
		return err
	}
	if *v.host = host; host != words[0] {
		return option.Tolerated("the address is taken without the blanks around it")
	}
	return nil
}

// SetCommand takes what an operator says now, and is strict.
func (v announceValue) SetCommand(values []string) (bad int) {
	if v.Why(values[0]) != nil {
		return 0
	}
	*v.host = values[0]
	return option.Good
}

// Why says why a command cannot set this address.
func (v announceValue) Why(word string) error {
	if word == "" {
		return nil
	}
	return valid.Announced(word)
}

func (v announceValue) Lines() [][]string { return [][]string{{*v.host}} }

func (v announceValue) Clear() { *v.host = "" }
