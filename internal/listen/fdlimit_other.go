//go:build !unix

package listen

import "math"

// raiseFileLimit assumes that this system has no limit of open files.
func raiseFileLimit(uint64) uint64 { return math.MaxInt32 }
