package nemesis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"golang.org/x/sys/unix"
)

var errNoDisks = errors.New("Sentinels have no disks of their own here")

// filler is the name of the file that takes all the space that is left on a disk.
func filler(f schedule.Fault) string { return fmt.Sprintf("filler-%d", f.Pick) }

func diskFull(_ context.Context, n *Nemesis, fault schedule.Fault, t targets) (deed, error) {
	if !n.arena.HasDisks() {
		return deed{}, errNoDisks
	}
	seen, err := t.each(func(node arena.Node) (string, error) {
		f, err := os.OpenFile(filepath.Join(node.Dir(), filler(fault)), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return "", err
		}
		defer f.Close()
		size, block := 0, make([]byte, 4096)
		for {
			k, err := f.Write(block)
			size += k
			if errors.Is(err, unix.ENOSPC) {
				return fmt.Sprintf("has no space left after %d bytes", size), nil
			} else if err != nil {
				return "", err
			}
		}
	})
	return deed{seen, func(context.Context) (string, error) {
		_, err := t.each(func(node arena.Node) (string, error) {
			err := os.Remove(filepath.Join(node.Dir(), filler(fault)))
			if errors.Is(err, os.ErrNotExist) {
				err = nil // another fault has emptied the disk
			}
			return "has space again", err
		})
		return "", err
	}}, err
}

func diskSlow(ctx context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	return n.gate(t, func(done <-chan struct{}) uint32 {
		select {
		case <-time.After(f.Delay.Of()):
		case <-done:
		}
		return unix.FAN_ALLOW
	})
}

func diskFail(ctx context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return n.gate(t, func(<-chan struct{}) uint32 { return unix.FAN_DENY })
}

// gate asks judge about every file that is opened on the disks of the targets. The kernel
// has the process wait for the answer, or fail with EPERM: this needs no code in it and no
// file system of its own.
func (n *Nemesis) gate(t targets, judge func(done <-chan struct{}) uint32) (deed, error) {
	if !n.arena.HasDisks() {
		return deed{}, errNoDisks
	}
	var gates []*gatekeeper
	stop := func() (seen []string) {
		for i, g := range gates {
			if count := g.close(); count > 0 {
				seen = append(seen, fmt.Sprintf("%s met it %d times", t.nodes[i].Name(), count))
			}
		}
		return seen
	}
	for _, node := range t.nodes {
		g, err := newGatekeeper(node.Dir(), judge)
		if err != nil {
			stop()
			return deed{}, err
		}
		gates = append(gates, g)
	}
	return deed{undo: func(context.Context) (string, error) {
		seen := stop()
		if len(seen) == 0 {
			// Sentinels write only when something changes; a disk that nobody uses is as
			// slow as one that they do.
			seen = []string{"the kernel asks before each file is opened; none was"}
		}
		return strings.Join(seen, "; "), nil
	}}, nil
}

// gatekeeper answers the kernel's questions about one mount.
type gatekeeper struct {
	file  *os.File
	done  chan struct{}
	work  sync.WaitGroup
	count atomic.Int64
}

func newGatekeeper(dir string, judge func(done <-chan struct{}) uint32) (*gatekeeper, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fanotify: %w", err)
	}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, unix.FAN_OPEN_PERM, unix.AT_FDCWD, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("fanotify at %s: %w", dir, err), unix.Close(fd))
	}
	g := &gatekeeper{file: os.NewFile(uintptr(fd), "fanotify"), done: make(chan struct{})}
	g.work.Go(func() { g.serve(judge) })
	return g, nil
}

// serve answers until the file is closed.
func (g *gatekeeper) serve(judge func(done <-chan struct{}) uint32) {
	const size = int(unsafe.Sizeof(unix.FanotifyEventMetadata{}))
	b := make([]byte, 64*size)
	for {
		n, err := g.file.Read(b)
		if err != nil {
			return
		}
		for at := 0; at+size <= n; at += size {
			// The file is at 16, the process at 20.
			fd := int32(binary.NativeEndian.Uint32(b[at+16:]))
			pid := int(int32(binary.NativeEndian.Uint32(b[at+20:])))
			g.work.Go(func() { g.answer(fd, pid, judge) })
		}
	}
}

func (g *gatekeeper) answer(fd int32, pid int, judge func(done <-chan struct{}) uint32) {
	defer unix.Close(int(fd))
	verdict := uint32(unix.FAN_ALLOW)
	if pid != os.Getpid() { // this program looks at the files, too
		g.count.Add(1)
		verdict = judge(g.done)
	}
	var b [8]byte
	binary.NativeEndian.PutUint32(b[:], uint32(fd))
	binary.NativeEndian.PutUint32(b[4:], verdict)
	_, _ = g.file.Write(b[:]) // when it is closed, the kernel allows what is left
}

// close lets everything pass, and returns how often the gate was met.
func (g *gatekeeper) close() int64 {
	close(g.done)
	_ = g.file.Close()
	g.work.Wait()
	return g.count.Load()
}
