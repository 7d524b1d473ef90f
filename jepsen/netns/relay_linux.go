package netns

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// relay holds up what one host sends. A route in the host leads its packets into a tunnel,
// whose other end is this program; that waits, and hands each to the bridge. No queueing
// discipline of the kernel is needed, which many machines lack.
type relay struct {
	from, to *os.File
	work     sync.WaitGroup
	packets  chan packet
	held     int // packets; valid after close
	dropped  int // of those, how many found the queue full
}

type packet struct {
	due  time.Time
	data []byte
}

// queued bounds what a relay holds. What is more is lost, as in a router.
const queued = 10000

const (
	maxPacket = 65535
	tunnels   = "/dev/net/tun"
	tunnelIn  = "held"  // in the host
	tunnelOut = "relay" // in the namespace of the bridge, before the last number of its address
)

// Hold delays every packet that the hosts send to others by d, from now on. A host can be
// held once at a time.
func (n *Network) Hold(d time.Duration, hosts ...*Host) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, h := range hosts {
		if err := n.hold(d, h); err != nil {
			for _, held := range hosts[:i] {
				_, undo := n.release(held)
				err = errors.Join(err, undo)
			}
			return err
		}
	}
	return nil
}

func (n *Network) hold(d time.Duration, h *Host) error {
	if n.relays[h] != nil {
		return fmt.Errorf("what %v sends is held up already", h)
	}
	out := tunnelOut + strings.TrimPrefix(h.addr, prefix)
	r := &relay{packets: make(chan packet, queued)}
	err := h.Within(func() (err error) {
		r.from, err = tunnel(tunnelIn)
		return err
	})
	if err == nil {
		r.to, err = tunnel(out)
	}
	if err == nil {
		// Packets that come back here by the tunnel go on to the bridge, although their
		// sender is expected there.
		err = errors.Join(setting("ipv4/ip_forward", "1"), setting("ipv4/conf/all/rp_filter", "0"), setting("ipv4/conf/"+out+"/rp_filter", "0"),
			ip("", "link set "+out+" up"),
			// More special than the route by the bridge.
			ip(h.name, "link set "+tunnelIn+" up", "route add "+prefix+"0/25 dev "+tunnelIn+" src "+h.addr, "route add "+prefix+"128/25 dev "+tunnelIn+" src "+h.addr))
	}
	if err != nil {
		for _, f := range []*os.File{r.from, r.to} {
			if f != nil {
				err = errors.Join(err, f.Close())
			}
		}
		return fmt.Errorf("holding up %v: %w", h, err)
	}
	r.work.Go(func() { r.read(d) })
	r.work.Go(r.write)
	n.relays[h] = r
	return nil
}

// setting writes a setting of the kernel for this namespace.
func setting(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644)
}

// tunnel makes a network interface in the namespace of this thread whose other end is the
// file. It goes away with it.
func tunnel(name string) (*os.File, error) {
	fd, err := unix.Open(tunnels, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunnels, err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tunnel %s: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// read takes packets until the file is closed.
func (r *relay) read(d time.Duration) {
	defer close(r.packets)
	b := make([]byte, maxPacket)
	for {
		k, err := r.from.Read(b)
		if err != nil {
			return
		}
		r.held++
		select {
		case r.packets <- packet{time.Now().Add(d), append([]byte(nil), b[:k]...)}:
		default:
			r.dropped++
		}
	}
}

// write hands packets on when they are due, in their order. What is held at the end is
// handed on at once: a link that gets faster loses nothing.
func (r *relay) write() {
	for p := range r.packets {
		if wait := time.Until(p.due); wait > 0 {
			t := time.NewTimer(wait)
			<-t.C
		}
		_, _ = r.to.Write(p.data) // what the kernel does not take is lost, as on any link
	}
}

// Release undoes a Hold, and returns how many packets were held up.
func (n *Network) Release(hosts ...*Host) (held int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range hosts {
		k, released := n.release(h)
		held, err = held+k, errors.Join(err, released)
	}
	return held, err
}

func (n *Network) release(h *Host) (held int, err error) {
	r := n.relays[h]
	if r == nil {
		return 0, nil
	}
	delete(n.relays, h)
	err = r.from.Close() // the route goes with the interface
	r.work.Wait()
	return r.held, errors.Join(err, r.to.Close())
}
