//go:build !unix

package listen

import "net"

// writeAtOnce writes nothing: this system has no write that never blocks. All
// that is lost is the close_notify to a client that is being disconnected.
func writeAtOnce(net.Conn, []byte) (int, error) { return 0, net.ErrClosed }
