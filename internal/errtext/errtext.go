package errtext

import (
	"errors"
	"strings"
	"syscall"
)

// Cause returns the system error that err wraps, as C programs print it, such as
// "Permission denied". Any other error is returned as its text.
func Cause(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// OneLine returns the text of an error, which may join several, on one line.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// StartError is a failed start in redis-sentinel's words, which take several log
// lines.
type StartError struct {
	Lines []string
	Err   error // the cause; may be nil
}

// Error implements error.
func (e *StartError) Error() string { return strings.Join(e.Lines, " ") }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Lines returns an error as log lines: those of a [StartError], or one line for
// any other error.
func Lines(err error) []string {
	var start *StartError
	if errors.As(err, &start) {
		return start.Lines
	}
	return []string{OneLine(err)}
}

// Parts splits joined errors, at any depth. Any other error is its own only part.
func Parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, Parts(e)...)
	}
	return all
}
