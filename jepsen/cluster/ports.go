package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// PortRange is a range of TCP ports on the loopback interface, First and Last
// included. The zero value means [DefaultPorts].
type PortRange struct{ First, Last int }

// DefaultPorts lies below the range from which Linux takes the local port of
// an outgoing connection (32768 on), because such a connection could occupy a
// port between our look and the child's bind.
var DefaultPorts = PortRange{First: 25000, Last: 25999}

// ErrNoFreePort means that every port of the range is in use.
var ErrNoFreePort = errors.New("no free port")

// portPool reserves ports for the processes of one cluster.
//
// Looking whether a port is free and binding it in a child are two steps, and
// two test binaries run by one `go test ./...` could both see the same port
// free. So every port is reserved by a lock on a file that all users of this
// package on the machine share; the kernel drops the lock when its holder dies.
type portPool struct {
	dir   string
	ports PortRange

	mu   sync.Mutex
	held map[int]*os.File
}

func newPortPool(ports PortRange) (*portPool, error) {
	if ports == (PortRange{}) {
		ports = DefaultPorts
	}
	if ports.First < 1 || ports.Last > 65535 || ports.First > ports.Last {
		return nil, fmt.Errorf("port range %d-%d: want 1 <= first <= last <= 65535", ports.First, ports.Last)
	}
	// One directory per user: a file in /tmp that belongs to another user cannot
	// be opened for writing.
	dir := filepath.Join(os.TempDir(), "gosentinel-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory of port reservations: %w", err)
	}
	return &portPool{dir: dir, ports: ports, held: make(map[int]*os.File)}, nil
}

// any reserves some free port. It starts at a random place, so that a port that
// was in use a moment ago and may have connections in TIME_WAIT is not the
// first choice of the next cluster.
func (p *portPool) any() (int, error) {
	n := p.ports.Last - p.ports.First + 1
	start := rand.IntN(n)
	for i := range n {
		port := p.ports.First + (start+i)%n
		if err := p.reserve(port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("%w between %d and %d on 127.0.0.1", ErrNoFreePort, p.ports.First, p.ports.Last)
}

// reserve takes one particular port, or says why it cannot be had.
func (p *portPool) reserve(port int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[port] != nil {
		return fmt.Errorf("port %d belongs to another node of this cluster", port)
	}
	f, err := os.OpenFile(filepath.Join(p.dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("reserving port %d: %w", port, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("port %d is reserved by another test or demo", port), f.Close())
	}
	// The lock binds users of this package only; others are found by trying to
	// connect. A listener of ours would be inherited by each process that is forked
	// at this moment, and would keep the port in use until that becomes a program.
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err == nil {
		err = conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return errors.Join(fmt.Errorf("port %d is in use", port), err, f.Close())
	}
	p.held[port] = f
	return nil
}

// releaseAll gives the ports back. The lock files stay: removing one while
// another process has it open would let two hold "the" lock.
func (p *portPool) releaseAll() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for port, f := range p.held {
		errs = append(errs, f.Close())
		delete(p.held, port)
	}
	return errors.Join(errs...)
}
