package cluster

import (
	"cmp"
	"context"
	"net"
	"strconv"
)

// loopback is where nodes run unless told otherwise.
const loopback = "127.0.0.1"

// Host is a place for nodes: an address, and perhaps a network of its own. The zero
// value is 127.0.0.1 in the network of this process.
type Host struct {
	// Addr is the address, without a port. Empty means 127.0.0.1.
	Addr string
	// Within runs do on a thread that is in the network of the host, where processes
	// and sockets made by do belong. Nil means the network of this process.
	Within func(do func() error) error
}

// at returns the address of a port.
func (h Host) at(port int) string {
	return net.JoinHostPort(cmp.Or(h.Addr, loopback), strconv.Itoa(port))
}

// Lines are for the configuration file of a node, behind those of ServerConf and
// SentinelConf: the later of two lines counts.
func (h Host) Lines() []string {
	if h.Addr == "" {
		return nil
	}
	lines := []string{"bind " + h.Addr, "protected-mode no"}
	if h.Within == nil {
		// All share one network, and others must see whose connection it is.
		lines = append(lines, "bind-source-addr "+h.Addr)
	}
	return lines
}

// dialer returns how to connect from the host itself, so that a node can be watched
// while it is cut off; nil is the usual way.
func (h Host) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	if h.Within == nil {
		return nil
	}
	return h.Dial
}

// Dial connects to addr, a numeric address, from the host.
func (h Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	if h.Within == nil {
		return d.DialContext(ctx, network, addr)
	}
	var conn net.Conn
	err := h.Within(func() (err error) {
		conn, err = d.DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// hostOf returns the host of node i.
func hostOf(of func(i int) Host, i int) Host {
	if of == nil {
		return Host{}
	}
	return of(i)
}
