package acl

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of a rule, in redis-sentinel's words. Those returned by
// [List.SetUser], [List.Declare] and [List.Load] wrap them.
var (
	ErrUnknownCommand  = errors.New("Unknown command or category name in ACL")
	ErrSyntax          = errors.New("Syntax error")
	ErrAllKeys         = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	ErrAllChannels     = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	ErrNoSuchPassword  = errors.New("The password you are trying to remove from the user does not exist")
	ErrBadHash         = errors.New("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	ErrDuplicateUser   = errors.New("Duplicate user found. A user can only be defined once in config files")
	ErrFirstArgOfSub   = errors.New("Allowing first-arg of a subcommand is not supported")
	ErrOpenParenthesis = errors.New("Unmatched parenthesis in selector definition")
)

// Errors about a user as a whole, or about a login.
var (
	ErrUserName      = errors.New("Usernames can't contain spaces or null characters")
	ErrRemoveDefault = errors.New("The 'default' user cannot be removed")
	ErrWrongPass     = errors.New("WRONGPASS invalid username-password pair or user is disabled.")
	ErrPasswordBits  = errors.New("ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
)

// textError is the text of an error in the context where the rules were given.
// Its cause is one of the errors above.
type textError struct {
	text  string
	cause error
}

func (e *textError) Error() string { return e.text }

func (e *textError) Unwrap() error { return e.cause }

// wrong formats a textError.
func wrong(cause error, format string, args ...any) error {
	return &textError{text: fmt.Sprintf(format, args...), cause: cause}
}

// A Problem is one thing that is wrong in an ACL file.
type Problem struct {
	Line int    // counted from 1
	Text string // what is wrong, without file and line

	stock string // redis-sentinel's text, with file and line
}

// A FileError holds everything that is wrong in an ACL file, in the order of its
// lines.
type FileError struct{ Problems []Problem }

// mostProblems bounds the reply to ACL LOAD if the file is not an ACL file at
// all.
const mostProblems = 100

// Error returns the problems on one line, as redis-sentinel replies and logs
// them.
func (e *FileError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == mostProblems {
			fmt.Fprintf(&b, "And %d more. ", len(e.Problems)-i)
			break
		}
		b.WriteString(p.stock)
	}
	b.WriteString("WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
	return b.String()
}
