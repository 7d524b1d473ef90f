// Package netns makes machines with addresses of their own out of network namespaces:
// each [Host] is one, joined to the others by a veth and a bridge, and what goes between
// two of them can be cut, thinned out or held up, in each direction alone.
//
//	inside, status, err := netns.Enter(ctx)   // this program again, in namespaces of its own
//	if err != nil { ... }                     // [ErrNotAllowed]: not on this machine
//	if !inside { os.Exit(status) }            // it has done all the work
//	n, err := netns.New()
//	a, err := n.Add("a")                      // 10.77.0.1
//	b, err := n.Add("b")
//	err = n.Cut(netns.Pair{From: a, To: b})   // b hears nothing of a
//
// # What is left behind
//
// Nothing, however the program ends. [Enter] starts it again with a network and a mount
// namespace of its own, and everything is made in there: bridge, interfaces, names below
// /run/netns, packet filter, mounts. They are invisible to the rest of the machine, so
// that two runs do not meet, and the kernel removes them with the last process. That dies
// with the first one.
//
// # Where it works
//
// On Linux, as root or where a user may make user namespaces; ip and nft must be
// installed. Elsewhere Enter says ErrNotAllowed.
package netns
