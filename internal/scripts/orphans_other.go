//go:build !linux

package scripts

import "context"

// ReapOrphans does nothing: only on Linux does this program run as process 1.
func ReapOrphans(context.Context) {}
