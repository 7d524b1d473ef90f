//go:build linux && !amd64

package host

// unitKills is known for amd64 only.
var unitKills []uint32
