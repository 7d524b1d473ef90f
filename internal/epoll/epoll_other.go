//go:build !linux

package epoll

import (
	"errors"
	"net"
)

// Again is what TryRead returns when nothing has arrived.
var Again = errors.New("nothing has arrived")

// Set is for Linux alone.
type Set struct{}

// Open returns nil: there is none.
func Open() *Set { return nil }

// Close does nothing.
func (*Set) Close() {}

// Take takes no connection.
func (*Set) Take(net.Conn) *Conn { return nil }

// Run returns at once.
func (*Set) Run(func(*Conn), func()) {}

// Conn is a connection of a Set.
type Conn struct {
	net.Conn
	Owner any
}

// TryRead fails.
func (*Conn) TryRead([]byte) (int, error) { return 0, net.ErrClosed }

// TryWrite fails.
func (*Conn) TryWrite([]byte) (int, error) { return 0, net.ErrClosed }

// Watch fails.
func (*Conn) Watch() error { return net.ErrClosed }

// Unwatch does nothing.
func (*Conn) Unwatch() {}

// Abort does nothing.
func (*Conn) Abort() {}

// Release does nothing.
func (*Conn) Release() {}

// Descriptor returns -1.
func (*Conn) Descriptor() int { return -1 }
