package errtext

import (
	"errors"
	"strings"
	"syscall"
)

// Cause returns the cause of a system's error as C programs print it, such as
// "Permission denied". Any other error keeps its text.
func Cause(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// OneLine returns the text of an error, which may join several, on one line of
// log.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// StartError is a failed start in the words of redis-sentinel, which take
// several lines of log.
type StartError struct {
	Lines []string
	Err   error // the cause, nil when there is no other than the lines
}

// Error implements error.
func (e *StartError) Error() string { return strings.Join(e.Lines, " ") }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Lines returns an error as lines of log: those of a [StartError], and one for
// any other.
func Lines(err error) []string {
	var start *StartError
	if errors.As(err, &start) {
		return start.Lines
	}
	return []string{OneLine(err)}
}

// Parts takes joined errors apart, however deep they are joined. An error that
// joins nothing is its own only part.
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
