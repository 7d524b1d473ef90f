package discovery

import (
	"context"
	"slices"
	"strings"
	"time"
)

// server is a Redis server whose role is checked. Its fields belong to
// Resolver.mu.
type server struct {
	addr string
	ask  kick
	stop context.CancelFunc

	role    role
	checked time.Time // when it last answered; zero: never
	err     error     // why it does not
	not     time.Time // since when it is not known to be a master
}

// watch checks exactly these servers.
func (r *Resolver) watch(wanted []string) {
	for addr, s := range r.servers {
		if !slices.Contains(wanted, addr) {
			s.stop()
			delete(r.servers, addr)
		}
	}
	for _, addr := range wanted {
		if r.servers[addr] == nil {
			ctx, cancel := context.WithCancel(r.ctx)
			s := &server{addr: addr, ask: make(kick, 1), stop: cancel, not: time.Now()}
			r.servers[addr] = s
			r.tasks.Go(func() { r.check(ctx, s) })
		}
	}
}

// says is the state of servers for the judge.
func (r *Resolver) says(addr string) (claim, time.Time) {
	s := r.servers[addr]
	switch {
	case s == nil:
		return isSilent, time.Now()
	case s.err != nil || s.role.name == "":
		return isSilent, s.not
	case s.role.name == "master":
		return isMaster, s.not
	}
	return isOther, s.not
}

// check asks a server for its role again and again.
func (r *Resolver) check(ctx context.Context, s *server) {
	again := backoff{first: 50 * time.Millisecond, most: time.Second}
	for {
		start := time.Now()
		err := r.checkOnce(ctx, s)
		if ctx.Err() != nil {
			return
		}
		r.checked(s, role{}, err)
		if !sleep(ctx, again.pause(start)) {
			return
		}
	}
}

// checkOnce does so over one connection, whose end shows that something happened.
func (r *Resolver) checkOnce(ctx context.Context, s *server) error {
	l, err := r.open(ctx, s.addr, r.opt.ServerAccess)
	if err != nil {
		return err
	}
	defer l.close()
	eager, gap := backoff{first: 50 * time.Millisecond, most: time.Second}, newGap()
	last := time.Now()
	for {
		replies, err := l.ask(ctx, command{"ROLE"})
		if err != nil {
			return err
		}
		if busy := strings.HasPrefix(replies[0].text, "BUSY "); !busy {
			// One that runs a long script is what it was.
			got, err := parseRole(replies[0])
			r.checked(s, got, err)
		}
		if err := l.idle(ctx, gap.pause(last), nil); err != nil {
			return err
		}
		last = time.Now()
		if err := l.idle(ctx, r.interval(&eager), s.ask); err != nil {
			return err
		}
	}
}

// checked notes what a server has said. One that is a replica has no clients of a
// master.
func (r *Resolver) checked(s *server, got role, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complain("server", s.addr, s.err, err)
	before := s.err == nil && s.role.name == "master"
	after := err == nil && got.name == "master"
	s.role, s.err = got, err
	if err == nil {
		s.checked = time.Now()
	}
	switch {
	case after:
		s.not = time.Time{}
	case s.not.IsZero():
		s.not = time.Now()
	}
	if err == nil && !after {
		r.cut(s.addr)
	}
	if before && !after {
		for _, v := range r.voices {
			v.ask.send()
		}
	}
	r.dirty.send()
}

// replicasOf returns the replicas of the master that most of those list who name
// it, in order of their addresses.
func (r *Resolver) replicasOf(master string, epoch uint64) (list []Addr) {
	votes, n := make(map[string]int), 0
	for _, v := range r.voices {
		if !v.witness.present || v.witness.answer.master != master {
			continue
		}
		n++
		seen := make(map[string]bool)
		for _, m := range v.witness.answer.replicas {
			if m.ok && m.addr != master && !seen[m.addr] {
				seen[m.addr] = true
				votes[m.addr]++
			}
		}
	}
	if n == 0 {
		return r.view.Replicas
	}
	var addrs []string
	for addr, votes := range votes {
		if votes*2 > n {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	for _, addr := range addrs {
		list = append(list, toAddr(addr, epoch))
	}
	return list
}
