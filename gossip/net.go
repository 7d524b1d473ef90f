package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// netSockets are UDP sockets at one port of some addresses.
type netSockets struct {
	to     receiver
	udp    []*net.UDPConn
	port   int
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// errPause keeps a socket that returns errors from using all of the processor.
const errPause = 100 * time.Millisecond

// openSockets opens port at each of the addresses. One with a "-" in front may
// be missing on this host. Port 0 takes a free port.
func openSockets(addrs []string, port int, to receiver) (*netSockets, error) {
	s := &netSockets{to: to, port: port}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, addr := range addrs {
		host, optional := strings.CutPrefix(addr, "-")
		if err := s.open(host); err != nil && !(optional && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT))) {
			s.close()
			return nil, err
		}
	}
	if len(s.udp) == 0 {
		s.close()
		return nil, fmt.Errorf("gossip: this machine has none of the addresses %v", addrs)
	}
	for _, c := range s.udp {
		s.work.Go(func() { s.read(c) })
	}
	return s, nil
}

// open opens the socket of an address.
func (s *netSockets) open(addr string) error {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return fmt.Errorf("gossip: %q is not an IP address", addr)
	}
	// Otherwise an IPv6 socket would take the IPv4 port too, and the next
	// socket fail.
	family := "6"
	if ip = ip.Unmap(); ip.Is4() {
		family = "4"
	}
	at := net.JoinHostPort(ip.String(), strconv.Itoa(s.port))
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(s.ctx, "udp"+family, at)
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	s.udp = append(s.udp, pc.(*net.UDPConn))
	if s.port == 0 {
		s.port = pc.LocalAddr().(*net.UDPAddr).Port // the same at all addresses
	}
	_ = s.udp[len(s.udp)-1].SetReadBuffer(1 << 20) // as much as the system allows
	return nil
}

func (s *netSockets) read(c *net.UDPConn) {
	buf := make([]byte, maxDatagram+1) // one more, to detect a longer packet
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			s.to.packet(buf[:n], from, time.Now())
		case errors.Is(err, net.ErrClosed) || !s.pause():
			return
		}
	}
}

// pause waits a moment and reports false when the sockets are being closed.
func (s *netSockets) pause() bool {
	t := time.NewTimer(errPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

var errNoSocket = errors.New("no socket is open for this kind of address")

// send uses the first socket that can reach the address. The receiver does not
// care which one it is, but a loopback socket reaches only this host.
func (s *netSockets) send(b []byte, to netip.AddrPort) error {
	err := errNoSocket
	for _, c := range s.udp {
		own := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
		if own.Is4() != to.Addr().Is4() || own.IsLoopback() && !to.Addr().IsLoopback() {
			continue
		}
		if _, err = c.WriteToUDPAddrPort(b, to); err == nil {
			return nil
		}
	}
	return err
}

func (s *netSockets) close() {
	s.cancel()
	for _, c := range s.udp {
		c.Close()
	}
	s.work.Wait()
}
