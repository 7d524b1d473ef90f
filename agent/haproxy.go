package agent

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// HAProxy keeps servers of HAProxy at the addresses of masters and replicas: in the
// running process over its socket, in its file, or both, so that a restart of HAProxy
// begins right.
type HAProxy struct {
	Common
	FileSettings
	// Socket is that of "stats socket … level admin": a path, or host:port.
	Socket string `toml:"socket"`
	// Backends says which servers follow whom. If there are none, each server that has
	// the name of a group, in whatever backend, follows its master.
	Backends []HAProxyBackend `toml:"backend"`
}

// HAProxyBackend says whom servers of a backend follow.
type HAProxyBackend struct {
	Name  string `toml:"name"`
	Group string `toml:"group"`
	// Role is "master", which is the default, or "replicas": then each replica gets one
	// of the servers, and those that are left over go into maintenance.
	Role string `toml:"role"`
	// Servers are their names. Empty means all of the backend.
	Servers []string `toml:"servers"`
	// Fallback gives the first of the servers to the master while there is no replica.
	Fallback bool `toml:"fallback"`
}

// haproxyEvery is how often a running HAProxy is compared: after a restart it begins
// with the addresses of its file.
const haproxyEvery = time.Second

func (h *HAProxy) check(wrong problems, dir string) {
	h.Type = "haproxy"
	h.FileSettings.check(wrong, dir)
	if h.Socket == "" && h.File == "" {
		wrong("socket", `add socket = "/run/haproxy/admin.sock", or file = "/etc/haproxy/haproxy.cfg", or both`, "the target says neither socket nor file")
	}
	if !strings.Contains(h.Socket, ":") {
		absolute(dir, &h.Socket)
	}
	h.Validate = h.Validate.or(Program("haproxy", "-c", "-f", "{file}"))
	if h.Socket != "" && h.File != "" && h.Command.set() {
		wrong("command", "leave it out: the running HAProxy is changed over its socket", "there are a socket and a command")
	}
	place := h.Socket
	if place == "" {
		place = h.File
	}
	h.describe(place)
	for i := range h.Backends {
		b := &h.Backends[i]
		if b.Role == "" {
			b.Role = roleMaster
		}
		switch {
		case b.Name == "" || b.Group == "":
			wrong("backend", `write name = "…" and group = "…"`, "a backend needs its name and that of a group")
		case b.Role != roleMaster && b.Role != roleReplicas:
			wrong("backend", `it is "master" or "replicas"`, "role %q of backend %s", b.Role, b.Name)
		case b.Fallback && b.Role == roleMaster:
			wrong("backend", "leave it out", "backend %s has a fallback, which is for replicas", b.Name)
		case strings.ContainsFunc(b.Name+strings.Join(b.Servers, ""), oddName):
			wrong("backend", "names of HAProxy have letters, digits and - _ . :", "a name in backend %q cannot be one of HAProxy", b.Name)
		}
	}
}

const (
	roleMaster   = "master"
	roleReplicas = "replicas"
)

// oddName keeps what would be two commands out of the line that HAProxy is sent.
func oddName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
}

func (h *HAProxy) open(e *environment) (jobs []*job) {
	if h.Socket != "" {
		jobs = append(jobs, newJob(&h.Common, h.Name, haproxyEvery, &haproxySocket{h, e.log}))
	}
	if h.File != "" {
		name := h.Name
		if h.Socket != "" {
			name += " file"
		}
		w := &fileWorker{
			FileSettings: h.FileSettings, render: h.render, log: e.log,
			words: fileWords{"Saving " + h.File, "HAProxy reloaded with output: "},
		}
		jobs = append(jobs, newJob(&h.Common, name, fileEvery, w))
	}
	return jobs
}

// slot is a server of HAProxy, as it is and as it should be.
type slot struct {
	backend, name string
	at            string // host:port now, as HAProxy writes it
	off           bool   // in maintenance

	want    Server // zero: none
	wantOff bool   // it should be in maintenance, which a slot of a master never is
	owned   bool   // whether it is in maintenance is decided here
}

// assign says which servers should be where. Slots that follow nobody are left out.
// A replica keeps the slot that it has, so that its sessions go on.
func (h *HAProxy) assign(slots []slot, s Snapshot) (list []slot, err error) {
	if len(h.Backends) == 0 {
		for _, one := range slots {
			if g := s.Group(one.name); g.Known() {
				one.want = g.Master
				list = append(list, one)
			}
		}
		if !slices.ContainsFunc(slots, func(one slot) bool { return slices.ContainsFunc(s, func(g Group) bool { return g.Name == one.name }) }) {
			return nil, fmt.Errorf("no server has the name of a group: name one like that, or say which follow whom with [[target.backend]]")
		}
		return list, nil
	}
	for _, b := range h.Backends {
		mine, err := b.slots(slots)
		if err != nil {
			return nil, err
		}
		g := s.Group(b.Group)
		switch {
		case !g.Known():
		case b.Role == roleMaster:
			for _, one := range mine {
				one.want = g.Master
				list = append(list, one)
			}
		default:
			list = append(list, b.spread(mine, g)...)
		}
	}
	return list, nil
}

// slots returns those of a backend, in its order.
func (b *HAProxyBackend) slots(all []slot) (mine []slot, err error) {
	for _, one := range all {
		if one.backend == b.Name && len(b.Servers) == 0 {
			mine = append(mine, one)
		}
	}
	for _, name := range b.Servers {
		i := slices.IndexFunc(all, func(one slot) bool { return one.backend == b.Name && one.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no server %s in backend %s", name, b.Name)
		}
		mine = append(mine, all[i])
	}
	if len(mine) == 0 {
		return nil, fmt.Errorf("there is no backend %s with a server", b.Name)
	}
	return mine, nil
}

// spread gives each replica a slot.
func (b *HAProxyBackend) spread(slots []slot, g Group) []slot {
	servers := slices.Clone(g.Replicas)
	if len(servers) == 0 && b.Fallback {
		servers = []Server{g.Master}
	}
	for i := range slots {
		one := &slots[i]
		one.owned, one.wantOff = true, true
		if j := slices.IndexFunc(servers, func(s Server) bool { return sameAddr(one.at, s) }); j >= 0 {
			one.want, one.wantOff = servers[j], false
			servers = slices.Delete(servers, j, j+1)
		}
	}
	for i := range slots {
		if one := &slots[i]; one.wantOff && len(servers) > 0 {
			one.want, one.wantOff = servers[0], false
			servers = servers[1:]
		}
	}
	return slots // more replicas than slots get no sessions
}
