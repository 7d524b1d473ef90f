//go:build unix && !linux

package node

import "time"

// queued returns 0: only Linux tells.
func queued() time.Duration { return 0 }
