package atomicfile

import (
	"bytes"
	"os"
)

// callsFiltered reports whether a filter of system calls is in force: one that kills
// for a call cannot be told from one that refuses it.
func callsFiltered() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && bytes.Contains(status, []byte("\nSeccomp:\t2\n"))
}
