//go:build !linux

package ecosystem

import (
	"context"
	"errors"
)

// errNoSandbox means that this machine does not let us make namespaces.
var errNoSandbox = errors.New("only Linux has namespaces")

func enter(context.Context, string) (status int, err error) { return 0, errNoSandbox }

func furnish(string) error { return errNoSandbox }
