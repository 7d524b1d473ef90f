//go:build !linux

package atomicfile

// callsFiltered reports false: only Linux has such filters.
func callsFiltered() bool { return false }
