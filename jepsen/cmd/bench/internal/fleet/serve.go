package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/tidwall/redcon"
)

// process serves one part of a fleet.
type process struct {
	*state
	doomedPort net.Listener // nil: none

	mu      sync.Mutex
	clients map[*client]struct{}
}

// Serve serves the fakes of a layout at a port, and the doomed ones at the next, until
// ctx ends.
func Serve(ctx context.Context, l Layout, port int) error {
	p := &process{state: newState(l, port), clients: map[*client]struct{}{}}
	var listeners []net.Listener
	if l.Doomed > 0 { // first, since those who wait look at the other port
		ln, err := listen(port + 1)
		if err != nil {
			return err
		}
		p.doomedPort, listeners = ln, append(listeners, ln)
	}
	main, err := listen(port)
	if err != nil {
		for _, ln := range listeners {
			err = errors.Join(err, ln.Close())
		}
		return err
	}
	listeners = append(listeners, main)
	var work sync.WaitGroup
	for _, ln := range listeners {
		work.Go(func() { p.accept(ln, &work) })
	}
	<-ctx.Done()
	for _, ln := range listeners {
		_ = ln.Close() // it may be closed already
	}
	p.cut(func(*client) bool { return true })
	work.Wait()
	return nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", ":"+strconv.Itoa(port))
}

func (p *process) accept(ln net.Listener, work *sync.WaitGroup) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return // closed; descriptors are counted by those who choose the layout
		}
		ap, _ := netip.ParseAddrPort(nc.LocalAddr().String())
		c := &client{nc: nc, process: p}
		if at, fake := serverAt(ap.Addr()); fake {
			if c.node = p.node(at); c.node == nil {
				_ = nc.Close() // nobody has this address
				continue
			}
		}
		p.mu.Lock()
		p.clients[c] = struct{}{}
		p.mu.Unlock()
		work.Go(c.serve)
	}
}

// cut ends the connections that match.
func (p *process) cut(match func(*client) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.clients {
		if match(c) {
			_ = c.nc.Close() // nobody waits for what it could still say
		}
	}
}

// client is one connection. Without a node it is one of those who run the fleet.
type client struct {
	nc      net.Conn
	node    *node
	process *process

	mu  sync.Mutex // of writes: hellos come from other connections
	out []byte

	args [][]byte // scratch

	queued int // commands of a transaction
	multi  bool
	subbed bool
}

func (c *client) serve() {
	defer c.leave()
	buf := make([]byte, 0, 512)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := c.nc.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:len(buf)+n]
		rest := buf
		c.mu.Lock()
		for len(rest) > 0 {
			complete, args, _, left, err := redcon.ReadNextCommand(rest, c.args[:0])
			if err != nil {
				c.mu.Unlock()
				return
			}
			if !complete {
				break
			}
			rest, c.args = left, args
			if len(args) > 0 && !c.silent() {
				c.command(args)
			}
		}
		err = c.flush()
		c.mu.Unlock()
		if err != nil {
			return
		}
		buf = append(buf[:0], rest...)
	}
}

// flush is called with mu held.
func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *client) silent() bool {
	return c.node != nil && c.process.muted.Load() && c.process.doomed(c.node)
}

func (c *client) leave() {
	_ = c.nc.Close() // may be closed already
	if c.node != nil {
		c.node.mu.Lock()
		delete(c.node.subs, c)
		c.node.mu.Unlock()
	}
	c.process.mu.Lock()
	delete(c.process.clients, c)
	c.process.mu.Unlock()
}

// command answers a command. It is called with mu held.
func (c *client) command(args [][]byte) {
	name := strings.ToUpper(string(args[0]))
	switch {
	case c.node == nil:
		c.out = c.process.control(c.out, name, args[1:])
	case name == "MULTI":
		c.multi, c.queued = true, 0
		c.out = redcon.AppendOK(c.out)
	case name == "EXEC":
		c.out = redcon.AppendArray(c.out, c.queued)
		for range c.queued {
			c.out = redcon.AppendOK(c.out)
		}
		c.multi = false
	case c.multi:
		c.queued++
		c.obey(name, args[1:])
		c.out = redcon.AppendString(c.out, "QUEUED")
	default:
		c.answer(name, args[1:])
	}
}

func (c *client) answer(name string, args [][]byte) {
	p := c.process
	switch {
	case name == "PING" && !c.subbed:
		p.counts.Pings.Add(1)
		c.out = redcon.AppendString(c.out, "PONG")
	case name == "PING":
		p.counts.Pings.Add(1)
		c.out = append(c.out, "*2\r\n$4\r\npong\r\n$0\r\n\r\n"...)
	case name == "INFO":
		p.counts.Infos.Add(1)
		c.out = redcon.AppendBulkString(c.out, p.info(c.node))
	case name == "PUBLISH" && len(args) == 2:
		p.counts.Hellos.Add(1)
		c.out = redcon.AppendInt(c.out, int64(c.publish(args[0], args[1])))
	case name == "SUBSCRIBE" && len(args) > 0:
		c.subbed = true
		c.node.mu.Lock()
		c.node.subs[c] = struct{}{}
		c.node.mu.Unlock()
		c.out = append(c.out, "*3\r\n$9\r\nsubscribe\r\n"...)
		c.out = redcon.AppendInt(redcon.AppendBulk(c.out, args[0]), 1)
	default:
		c.obey(name, args)
		c.out = redcon.AppendOK(c.out)
	}
}

// obey takes another role. All other commands change nothing.
func (c *client) obey(name string, args [][]byte) {
	if (name != "SLAVEOF" && name != "REPLICAOF") || len(args) != 2 {
		return
	}
	if strings.EqualFold(string(args[0]), "NO") {
		c.node.follow(nil)
		return
	}
	if ip, err := netip.ParseAddr(string(args[0])); err == nil {
		if at, ok := serverAt(ip); ok {
			c.node.follow(c.process.node(at))
		}
	}
}

// publish passes a hello on to the subscribers of the same server.
func (c *client) publish(channel, text []byte) int {
	message := append([]byte(nil), "*3\r\n$7\r\nmessage\r\n"...)
	message = redcon.AppendBulk(redcon.AppendBulk(message, channel), text)
	c.node.mu.Lock()
	subs := make([]*client, 0, len(c.node.subs))
	for s := range c.node.subs {
		subs = append(subs, s)
	}
	c.node.mu.Unlock()
	for _, s := range subs {
		if s.mu.TryLock() { // who is about to subscribe or to leave misses one
			s.out = append(s.out, message...)
			_ = s.flush() // its own reader sees the error
			s.mu.Unlock()
		}
	}
	return len(subs)
}

// control carries out what the measurement says.
func (p *process) control(out []byte, name string, _ [][]byte) []byte {
	switch name {
	case "DOOM.CLOSE":
		p.closed.Store(true)
		if p.doomedPort != nil {
			_ = p.doomedPort.Close() // it may be closed already
		}
		p.cut(func(c *client) bool { return c.node != nil && p.doomed(c.node) })
	case "DOOM.MUTE":
		p.muted.Store(true)
	case "COUNTS":
		return redcon.AppendBulkString(out, fmt.Sprintf("%d %d %d", p.counts.Pings.Load(), p.counts.Infos.Load(), p.counts.Hellos.Load()))
	case "PING":
		return redcon.AppendString(out, "PONG")
	default: // HELLO, for one: clients go on without
		return redcon.AppendError(out, "ERR unknown command")
	}
	return redcon.AppendOK(out)
}
