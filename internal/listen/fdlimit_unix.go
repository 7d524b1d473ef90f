//go:build unix

package listen

import (
	"math"
	"os"
	"syscall"
)

// raiseFileLimit raises the limit of open files to want, as far as the system
// allows, and returns the resulting limit. It never lowers it.
func raiseFileLimit(want uint64) uint64 {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return math.MaxInt32 // unknown: assume that there is none
	}
	now := uint64(lim.Cur)
	if now >= want {
		return now
	}
	hard := uint64(lim.Max)
	tries := []uint64{min(want, hard)}
	if want > hard && os.Geteuid() == 0 {
		tries = []uint64{want, hard} // only root can exceed the hard limit
	}
	for _, try := range tries {
		if try <= now {
			break // nothing to ask for; filters of system calls may kill for a limit that changes nothing
		}
		raised := lim
		set(&raised.Cur, try)
		set(&raised.Max, max(try, hard))
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			return try
		}
	}
	return now
}

// set exists because the fields' types differ between systems.
func set[N int64 | uint64](field *N, n uint64) { *field = N(n) }
