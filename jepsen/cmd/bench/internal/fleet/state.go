package fleet

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

//go:embed info_head.txt
var infoHead string

//go:embed info_tail.txt
var infoTail string

// node is the state of one fake server.
type node struct {
	server
	port int

	mu    sync.Mutex
	after *node // its master; nil: it is a master
	subs  map[*client]struct{}
}

// state is what the servers of one process have in common.
type state struct {
	layout Layout
	nodes  [][]*node // by master, then by nth

	closed, muted atomic.Bool // the doomed masters
	counts        counts
}

// counts are what was asked for.
type counts struct{ Pings, Infos, Hellos atomic.Uint64 }

func newState(l Layout, port int) *state {
	s := &state{layout: l, nodes: make([][]*node, l.Masters)}
	for m := range s.nodes {
		s.nodes[m] = make([]*node, 1+l.Replicas)
		for nth := range s.nodes[m] {
			n := &node{server: server{l.First + m, nth}, port: port, subs: map[*client]struct{}{}}
			if nth > 0 {
				n.after = s.nodes[m][0]
			} else if m < l.Doomed {
				n.port = port + 1
			}
			s.nodes[m][nth] = n
		}
	}
	return s
}

// node returns the fake that was connected to, or nil.
func (s *state) node(at server) *node {
	m := at.master - s.layout.First
	if m < 0 || m >= len(s.nodes) || at.nth >= len(s.nodes[m]) {
		return nil
	}
	return s.nodes[m][at.nth]
}

func (s *state) doomed(n *node) bool { return n.nth == 0 && n.master-s.layout.First < s.layout.Doomed }

func (n *node) host() string { return Host(n.master, n.nth) }

// master returns the server that n follows, or nil.
func (n *node) following() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.after
}

func (n *node) follow(m *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.after = m
}

// info returns the text of INFO.
func (s *state) info(n *node) string {
	var b strings.Builder
	id := fmt.Sprintf("%08x%032x", n.nth, n.master)
	b.WriteString(strings.NewReplacer("RUNID", id, "PORT", strconv.Itoa(n.port)).Replace(infoHead))
	b.WriteString("# Replication\n")
	if m := n.following(); m == nil {
		s.masterLines(&b, n)
	} else {
		up, down := "up", ""
		if s.doomed(m) && (s.closed.Load() || s.muted.Load()) {
			up, down = "down", "master_link_down_since_seconds:1\n"
		}
		fmt.Fprintf(&b, "role:slave\nmaster_host:%s\nmaster_port:%d\nmaster_link_status:%s\nmaster_last_io_seconds_ago:0\n"+
			"master_sync_in_progress:0\nslave_read_repl_offset:5000\nslave_repl_offset:5000\n%sslave_priority:100\nslave_read_only:1\n"+
			"replica_announced:1\nconnected_slaves:0\n", m.host(), m.port, up, down)
	}
	fmt.Fprintf(&b, "master_failover_state:no-failover\nmaster_replid:%040x\nmaster_replid2:%040x\nmaster_repl_offset:5000\n"+
		"second_repl_offset:-1\nrepl_backlog_active:1\nrepl_backlog_size:1048576\nrepl_backlog_first_byte_offset:1\nrepl_backlog_histlen:5000\n\n", n.master+1, 0)
	b.WriteString(infoTail)
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

func (s *state) masterLines(b *strings.Builder, n *node) {
	b.WriteString("role:master\n")
	lines := 0
	for _, r := range s.nodes[n.master-s.layout.First] {
		if r.following() == n {
			fmt.Fprintf(b, "slave%d:ip=%s,port=%d,state=online,offset=5000,lag=0\n", lines, r.host(), r.port)
			lines++
		}
	}
	fmt.Fprintf(b, "connected_slaves:%d\n", lines)
}
