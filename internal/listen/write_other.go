//go:build !unix

package listen

import "net"

// writeAtOnce writes nothing: this system has no write that never waits. All that
// is lost is the goodbye to a client that is being cut.
func writeAtOnce(net.Conn, []byte) (int, error) { return 0, net.ErrClosed }
