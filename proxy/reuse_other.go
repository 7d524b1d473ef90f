//go:build !linux

package proxy

import (
	"errors"
	"net"
	"syscall"
)

// shareAddress does nothing: a second process cannot listen at the same address here.
func shareAddress(string, string, syscall.RawConn) error { return nil }

func steerAway(net.Listener) error { return errors.New("this system cannot steer connections") }
