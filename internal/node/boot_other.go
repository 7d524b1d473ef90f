//go:build !linux

package node

import "time"

// bootAhead returns 0: what the clock does not count of a suspend is not known here.
func bootAhead() time.Duration { return 0 }
