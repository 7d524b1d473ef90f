//go:build !linux

package server

import (
	"net"

	"github.com/gosentinel/sentinel/internal/respguard"
)

// poller is for Linux alone. Elsewhere each connection has a goroutine.
type poller struct{}

func newPoller(*Server) *poller { return nil }

func (*poller) close() {}

func (*poller) take(*respguard.Conn) *polled { return nil }

// polled is a connection of a poller.
type polled struct {
	net.Conn
	client *client
}

func (*polled) descriptor() int                { return -1 }
func (*polled) release()                       {}
func (*polled) tryWrite(b []byte) (int, error) { return 0, net.ErrClosed }
func (*polled) watch() error                   { return net.ErrClosed }
