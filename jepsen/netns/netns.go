package netns

import (
	"errors"
	"fmt"
)

// ErrNotAllowed means that this machine does not let us make namespaces, or lacks a
// program for it.
var ErrNotAllowed = errors.New("no network namespaces")

// Pair is one direction between two hosts.
type Pair struct{ From, To *Host }

// Both returns the two directions between every host of a and every one of b.
func Both(a, b []*Host) []Pair {
	return append(Across(a, b), Across(b, a)...)
}

// Across returns the directions from every host of from to every one of to.
func Across(from, to []*Host) (pairs []Pair) {
	for _, f := range from {
		for _, t := range to {
			if f != t {
				pairs = append(pairs, Pair{f, t})
			}
		}
	}
	return pairs
}

// Host is a machine on the bridge of a [Network].
type Host struct {
	name string
	addr string
	ns   namespace
}

// Name returns the name that the host was added with.
func (h *Host) Name() string { return h.name }

// Addr returns the IPv4 address of the host.
func (h *Host) Addr() string { return h.addr }

// String returns name and address.
func (h *Host) String() string { return fmt.Sprintf("%s (%s)", h.name, h.addr) }
