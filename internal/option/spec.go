package option

import (
	"slices"
	"strings"
	"time"
)

// Where is a set of ways to set an option.
type Where uint8

// The ways to set an option.
const (
	InConf      Where = 1 << iota // a line of a sentinel.conf
	InTOML                        // a key of a sentinel.toml
	BySet                         // SENTINEL SET
	ByConfigSet                   // SENTINEL CONFIG SET; shown by SENTINEL CONFIG GET
	ByDebug                       // SENTINEL DEBUG

	InFiles = InConf | InTOML
)

// Has reports whether w holds one of the given ways.
func (w Where) Has(any Where) bool { return w&any != 0 }

// Spec is what there is to know of an option apart from its field.
type Spec struct {
	// Name is the word for it in a sentinel.conf and in commands, in lower case.
	// Aliases are other spellings of it, of some version.
	Name    string
	Aliases []string
	TOML    string // its key in a sentinel.toml; "" = as Name
	Where   Where

	// Unit is what a bare number counts, for durations.
	Unit time.Duration
	// Lo and Hi bound a number, in units; Hi 0 is no bound.
	Lo, Hi int64
	// Words are the words allowed, for options that have a fixed list of them.
	Words []string
	// Negated is set when the option says the opposite of its field.
	Negated bool

	// Secret values are never shown.
	Secret bool
	// Script is what messages call the program that the option names; "" for
	// options that name none. Such a program must be executable, and commands may
	// be forbidden to name one.
	Script string
	// Lenient has files keep the default for a number out of bounds, with a
	// warning, because the originals accept it.
	Lenient bool
	// Empty lets a line of a sentinel.conf name no value at all, for lists.
	Empty bool
	// Quoted has writers of a sentinel.conf always put the value in quotes, as
	// the originals do.
	Quoted bool

	// Since is the release that brought the option: of Redis, if no other name
	// stands in front. "" means that it is older than Redis 4.
	Since string
	// Doc says what the option is for, in one or two sentences.
	Doc string
}

// Key returns the key of the option in a sentinel.toml.
func (s *Spec) Key() string {
	if s.TOML != "" {
		return s.TOML
	}
	return s.Name
}

// Called reports whether name, in lower case, is one of the option's names.
func (s *Spec) Called(name string) bool { return s.Name == name || slices.Contains(s.Aliases, name) }

// Own reports whether no release of the original has the option.
func (s *Spec) Own() bool { return s.Since == "gosentinel" }

// Kind tells how the value of an option is written.
type Kind uint8

// The kinds of value.
const (
	Text     Kind = iota // a string
	Word                 // one of Spec.Words
	Integer              // a number
	Duration             // a number of units
	YesNo                // yes or no
	List                 // any number of words
	Lines                // one line of words for each element
	Pairs                // two words for each element
	Classes              // class, hard limit, soft limit and seconds
	Mode                 // an octal file mode
	ID                   // 40 characters
)

// String returns the kind as a document names it.
func (k Kind) String() string {
	return [...]string{
		"text", "word", "number", "time", "yes or no", "list", "list of lines", "pairs", "limits", "octal mode", "id",
	}[k]
}

// Value is a field whose type is none of those of [Of].
type Value interface {
	// Kind says how the value is written.
	Kind() Kind
	// SetLine takes what one line of a sentinel.conf says. An error may be a
	// [Tolerated].
	SetLine(words []string) error
	// Lines returns the words of each line that is needed to say the value.
	Lines() [][]string
	// Clear sets the zero value.
	Clear()
}

// Commanded is a [Value] that commands may set.
type Commanded interface {
	Value
	// SetCommand takes the values of a command and returns [Good], or the index of
	// the bad one; the field is then unchanged.
	SetCommand(values []string) (bad int)
}

// Explained is a [Commanded] that can say why a command cannot set a value.
type Explained interface{ Why(word string) error }

// Good is returned in the place of the index of a bad value.
const Good = -1

// Tolerated is an error about a value that some released version accepted. It
// becomes a warning. The option keeps the value that it had, or has one that the
// text names.
type Tolerated string

// Error returns the text.
func (t Tolerated) Error() string { return string(t) }

// yesNo returns the word for a truth.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// parseYesNo is the inverse of yesNo, without regard to case.
func parseYesNo(word string) (yes, ok bool) {
	yes = strings.EqualFold(word, "yes")
	return yes, yes || strings.EqualFold(word, "no")
}
