package mock

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/gosentinel/sentinel/internal/respguard"
)

// sentinel is a Sentinel that says what the script wants. It decides nothing.
type sentinel struct {
	n     *node
	runID string

	// The opinion, guarded by Mock.mu.
	master     *node // nil with a literal address, or with none
	host       string
	port       int
	nobody     bool
	epoch      int64
	flags      map[*node][]string
	fields     map[*node]map[string]string
	hidden     map[*node]bool
	frozen     chan struct{} // nil: not; closed by thaw
	conns      map[*conn]struct{}
	nextClient int64

	ln       net.Listener
	handlers sync.WaitGroup
}

func (v *sentinel) init(n, first *node) {
	v.n, v.master, v.epoch = n, first, 1
	v.runID = fmt.Sprintf("%040x", 0x5e4714e1+n.index)
	v.flags, v.fields, v.hidden = map[*node][]string{}, map[*node]map[string]string{}, map[*node]bool{}
}

func (v *sentinel) start(n *node) error {
	if v.ln != nil {
		return nil
	}
	ln, err := n.listen()
	if err != nil {
		return err
	}
	guarded := respguard.NewListener(ln, n.guard())
	v.ln = guarded
	n.m.mu.Lock()
	v.conns = map[*conn]struct{}{}
	n.m.mu.Unlock()
	v.handlers.Go(func() { v.accept(guarded) })
	return nil
}

func (v *sentinel) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return // closed: the guard reports nothing else
		}
		v.serve(c.(*respguard.Conn))
	}
}

// kill resets every connection.
func (v *sentinel) kill() {
	if v.ln == nil {
		return
	}
	_ = v.ln.Close() // ends accept
	v.ln = nil
	v.thaw()
	v.n.m.mu.Lock()
	open := slices.Collect(maps.Keys(v.conns))
	v.conns = nil // who comes now is closed
	v.n.m.mu.Unlock()
	for _, c := range open {
		c.reset()
	}
	v.handlers.Wait()
}

// cut closes the connections of all clients.
func (v *sentinel) cut() {
	v.n.m.mu.Lock()
	open := slices.Collect(maps.Keys(v.conns))
	v.n.m.mu.Unlock()
	for _, c := range open {
		c.reset()
	}
}

func (v *sentinel) freeze() {
	v.n.m.mu.Lock()
	defer v.n.m.mu.Unlock()
	if v.frozen == nil {
		v.frozen = make(chan struct{})
	}
}

func (v *sentinel) thaw() {
	v.n.m.mu.Lock()
	defer v.n.m.mu.Unlock()
	if v.frozen != nil {
		close(v.frozen)
		v.frozen = nil
	}
}

// publish sends a message to those who watch the channel.
func (v *sentinel) publish(channel, text string) {
	v.n.m.mu.Lock()
	defer v.n.m.mu.Unlock()
	if v.frozen != nil {
		return
	}
	for c := range v.conns {
		c.message(channel, text)
	}
}

// address returns what it takes for the master's. The lock is held.
func (v *sentinel) address() (host string, port int, ok bool) {
	switch {
	case v.nobody:
		return "", 0, false
	case v.master != nil:
		return v.master.host, v.master.port, true
	}
	return v.host, v.port, true
}

// others are the nodes that it names besides the master. The lock is held.
func (v *sentinel) others(sentinels bool) (list []*node) {
	for _, n := range v.n.m.nodes {
		if n.Sentinel == sentinels && n != v.n && n != v.master && !v.hidden[n] {
			list = append(list, n)
		}
	}
	return list
}

// pairs returns what it says of a node, in the order of wire.md §4, Instance
// maps. role is master, slave or sentinel. The lock is held.
func (v *sentinel) pairs(n *node, role string) []string {
	host, port, name, id := v.host, v.port, v.n.m.script.Master, ""
	if n != nil {
		host, port, id = n.host, n.port, fmt.Sprintf("%040x", n.index+1)
	}
	switch role {
	case "slave":
		name = net.JoinHostPort(host, fmt.Sprint(port))
	case "sentinel":
		name, id = n.voice.runID, n.voice.runID
	}
	flags := role
	for _, f := range v.flags[n] { // s_down stands before the role, as it does in a real reply
		if f == "s_down" || f == "o_down" {
			flags = f + "," + flags
		} else {
			flags += "," + f
		}
	}
	list := []string{
		"name", name, "ip", host, "port", fmt.Sprint(port), "runid", id, "flags", flags,
		"link-pending-commands", "0", "link-refcount", "1", "last-ping-sent", "0", "last-ok-ping-reply", "100", "last-ping-reply", "100",
	}
	if strings.Contains(flags, "s_down") {
		list = append(list, "s-down-time", "5000")
	}
	if strings.Contains(flags, "o_down") {
		list = append(list, "o-down-time", "5000")
	}
	list = append(list, "down-after-milliseconds", "30000")
	switch role {
	case "master":
		list = append(list, "info-refresh", "100", "role-reported", "master", "role-reported-time", "60000",
			"config-epoch", fmt.Sprint(v.epoch), "num-slaves", fmt.Sprint(len(v.others(false))),
			"num-other-sentinels", fmt.Sprint(len(v.others(true))), "quorum", "2", "failover-timeout", "180000", "parallel-syncs", "1")
	case "slave":
		masterHost, masterPort, _ := v.address()
		list = append(list, "info-refresh", "100", "role-reported", "slave", "role-reported-time", "60000",
			"master-link-down-time", "0", "master-link-status", "ok", "master-host", masterHost, "master-port", fmt.Sprint(masterPort),
			"slave-priority", "100", "slave-repl-offset", "1000", "replica-announced", "1")
	case "sentinel":
		list = append(list, "last-hello-message", "100", "voted-leader", "?", "voted-leader-epoch", "0")
	}
	return override(list, v.fields[n])
}

// override replaces values, and adds fields that are not there.
func override(list []string, fields map[string]string) []string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for i := 0; ; i += 2 {
			if i == len(list) {
				list = append(list, name, fields[name])
				break
			}
			if list[i] == name {
				list[i+1] = fields[name]
				break
			}
		}
	}
	return list
}
