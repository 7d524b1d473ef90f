// Package arena sets up what a run is about: servers and Sentinels as real processes,
// each on a host of its own with its own address, and hosts for clients. Hosts are network
// namespaces ([netns]); without these they are addresses from 127.0.0.0/8, between which
// nothing can be cut.
//
// It also watches: [Arena.Watch] asks every process, from its own host, what it is and
// whom it follows, and records the answers. So a process that is cut off is seen all the
// same.
package arena
