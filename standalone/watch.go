package standalone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	sentinel "github.com/gosentinel/sentinel"
)

// How often the Sentinel is asked what it knows, and the servers that are no members of the
// group are looked at.
const (
	watchStep = 250 * time.Millisecond
	lookStep  = time.Second
)

// settleTime is how long others are listened to before this Sentinel begins a failover: one
// that does not know of them yet would take itself for the majority.
const settleTime = 2 * helloWait

// watcher tells a Sentinel what an operator would.
type watcher struct {
	g     *Group
	s     *sentinel.Sentinel
	tasks sync.WaitGroup
	ears  map[string]*ear // by the name of the server
	// answered is since when any server answers, while there is no master.
	answered time.Time
	looked   time.Time
	told     bool // the Sentinel has the options of this configuration
}

// watch works until the context ends.
func (g *Group) watch(ctx context.Context, s *sentinel.Sentinel) {
	w := &watcher{g: g, s: s, ears: map[string]*ear{}}
	g.watching.Store(0)
	ctx, cancel := context.WithCancel(ctx)
	defer w.tasks.Wait()
	defer cancel()
	for ctx.Err() == nil {
		m, err := s.Master(ctx, g.opt.Name)
		switch {
		case errors.Is(err, sentinel.ErrNoSuchMaster):
			w.first(ctx)
		case err == nil:
			w.count(&m)
			w.keep(ctx, &m)
		}
		pause(ctx, watchStep)
	}
}

// allow holds failovers of this Sentinel back until the others have been heard.
func (g *Group) allow(_ context.Context, a sentinel.Attempt) (sentinel.Decision, error) {
	left := settleTime
	if since := g.watching.Load(); since != 0 {
		left -= time.Since(time.Unix(0, since))
	}
	if a.Ordered || left <= 0 {
		return sentinel.Go(), nil
	}
	return sentinel.Delay(max(left, watchStep), "this proxy has just started and listens for others"), nil
}

// hearOnly listens on these servers and no others.
func (w *watcher) hearOnly(ctx context.Context, names []string) {
	for name, e := range w.ears {
		if !slices.Contains(names, name) {
			e.cancel()
			delete(w.ears, name)
		}
	}
	for _, name := range names {
		if w.ears[name] == nil {
			w.ears[name] = w.g.newEar(ctx, &w.tasks, name)
		}
	}
}

// first looks for the master of a group that the Sentinel knows nothing of.
func (w *watcher) first(ctx context.Context) {
	g, now := w.g, time.Now()
	w.hearOnly(ctx, g.opt.Servers)
	sc := scene{group: g.opt.Name}
	answer, heard, deaf := false, true, ""
	for _, one := range g.lookAll(ctx, g.opt.Servers) {
		if twin := twinOf(one, sc.list); twin != "" {
			g.say("server "+one.name, "a server is named twice: remove one of the names", "server", one.name, "other", twin)
			continue
		}
		sc.list = append(sc.list, one)
		claims, enough := w.ears[one.name].heard(now)
		sc.claims = append(sc.claims, claims...)
		if one.err == nil {
			answer, heard = true, heard && enough
			if err := w.ears[one.name].trouble(); err != nil && !enough {
				deaf = fmt.Sprintf(": %s: %v", one.name, err)
			}
		}
	}
	if !answer {
		w.answered = time.Time{}
	} else if w.answered.IsZero() {
		w.answered = now
	}
	sc.patient = answer && now.Sub(w.answered) >= max(helloWait, g.opt.DownAfter)
	if answer && !heard {
		if g.setWhy("listening whether others watch these servers" + deaf); deaf != "" {
			g.say("choice", "it cannot be heard whether others watch these servers"+deaf)
		}
		return
	}
	c := sc.choose()
	if c.master != "" && c.promote {
		if err := g.promote(ctx, c.master); err != nil {
			c = choice{why: c.master + " cannot be promoted: " + err.Error()}
		}
	}
	if g.setWhy(c.why); c.master == "" {
		g.say("choice", "there is no master yet", "why", c.why)
		return
	}
	w.begin(ctx, c)
}

// twinOf returns which of the others is the same process; "" for none.
func twinOf(s *seen, others []*seen) string {
	for _, o := range others {
		if o.addr != "" && o.addr == s.addr || s.info != nil && o.info != nil && s.info.RunID != "" && s.info.RunID == o.info.RunID {
			return o.name
		}
	}
	return ""
}

func (g *Group) promote(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return g.talk(ctx, addr, func(c *dialogue) error {
		_, err := c.ask("REPLICAOF", "NO", "ONE")
		return err
	})
}

// begin has the Sentinel watch a master.
func (w *watcher) begin(ctx context.Context, c choice) {
	g := w.g
	cfg := sentinel.MasterConfig{Name: g.opt.Name, Addr: c.master}
	w.configure(&cfg, 1)
	if err := w.s.Monitor(ctx, cfg); err != nil {
		g.say("choice", "the master cannot be watched", "master", c.master, "err", err)
		return
	}
	for _, r := range c.replicas {
		w.add(ctx, r)
	}
	w.told = true
	g.quiet("choice")
	g.log.Info("standalone: the master is known", "master", c.master, "why", c.why)
	g.resolver.Ask()
}

func (w *watcher) add(ctx context.Context, replica string) {
	if err := w.s.AddReplica(ctx, w.g.opt.Name, replica); err != nil && ctx.Err() == nil {
		w.g.say("add "+replica, "a replica cannot be watched", "addr", replica, "err", err)
	}
}

// configure writes the options into what the Sentinel is told. known is how many Sentinels
// there are.
func (w *watcher) configure(cfg *sentinel.MasterConfig, known int) {
	o := &w.g.opt
	cfg.DownAfter, cfg.FailoverTimeout = o.DownAfter, failoverTimeout
	cfg.AuthUser, cfg.AuthPass = o.Access.User, o.Access.Password
	cfg.Quorum = max(known, o.Proxies)/2 + 1
}

// count lets the master be named once enough proxies have been heard of. Before, others may
// have chosen another one.
func (w *watcher) count(m *sentinel.Master) {
	g := w.g
	if g.heardOf(m.Quorum.Known) {
		g.setWhy("")
		return
	}
	g.setWhy(fmt.Sprintf("%d of %d proxies have been heard of, and more than half are needed", m.Quorum.Known, g.opt.Proxies))
}

// keep is for a group that the Sentinel knows.
func (w *watcher) keep(ctx context.Context, m *sentinel.Master) {
	g := w.g
	if want := max(m.Quorum.Known, g.opt.Proxies)/2 + 1; !w.told || want != m.Config.Quorum {
		err := w.s.Update(ctx, m.Name, func(cfg *sentinel.MasterConfig) { w.configure(cfg, m.Quorum.Known) })
		if w.told = err == nil; err != nil && ctx.Err() == nil {
			g.say("options", "the Sentinel does not take the options", "err", err)
		}
	}
	replicas, err := w.s.Replicas(ctx, m.Name)
	if err != nil {
		return
	}
	members, ids := []string{m.Addr}, []string{m.RunID}
	answers := !m.InfoAt.IsZero()
	for _, r := range replicas {
		members, ids = append(members, r.Addr), append(ids, r.RunID)
		answers = answers || !r.InfoAt.IsZero()
	}
	if answers {
		g.watching.CompareAndSwap(0, time.Now().UnixNano())
	}
	if now := time.Now(); now.Sub(w.looked) >= lookStep {
		w.looked = now
		w.majority(ctx, m)
		w.outside(ctx, m, members, ids)
	}
}

// majority says when too few of the others answer for a failover.
func (w *watcher) majority(ctx context.Context, m *sentinel.Master) {
	g := w.g
	q, err := w.s.CheckQuorum(ctx, m.Name)
	var few *sentinel.QuorumError
	switch since := g.watching.Load(); {
	case err == nil:
		g.quiet("majority")
	case errors.As(err, &few) && since != 0 && time.Since(time.Unix(0, since)) >= settleTime:
		g.say("majority", "no failover can be made: too few of the proxies that are known answer. Has one gone for good, send SENTINEL RESET "+m.Name+" to the others",
			"answer", q.Usable, "known", q.Known, "needed", q.Needed)
	}
}

// outside looks at the servers of the list that are no members yet.
func (w *watcher) outside(ctx context.Context, m *sentinel.Master, members, ids []string) {
	g := w.g
	var names, listed []string
	for _, name := range g.opt.Servers {
		addr, err := g.lookUp(ctx, name)
		twin := slices.Index(listed, addr)
		listed = append(listed, addr)
		switch {
		case err == nil && twin >= 0:
			g.say("server "+name, "a server is named twice: remove one of the names", "server", name, "other", g.opt.Servers[twin])
		case err == nil && slices.Contains(members, addr):
			g.quiet("server " + name)
		default:
			names = append(names, name)
		}
	}
	w.hearOnly(ctx, names)
	if len(names) == 0 {
		return
	}
	list := g.lookAll(ctx, names)
	if len(names) == len(g.opt.Servers) && strangers(list, ids) {
		w.forget(ctx, m, "none of its members stands in servers any more")
		return
	}
	if w.yield(ctx, m, list, listed) || m.Down() || m.Failover != "" {
		return
	}
	w.recruit(ctx, m, candidate{members: members, listed: listed, group: m.Name}, list, ids)
}

// recruit makes members of the servers that may become one. base has what all of them share.
func (w *watcher) recruit(ctx context.Context, m *sentinel.Master, base candidate, list []*seen, ids []string) {
	if _, err := w.s.CheckQuorum(ctx, m.Name); err != nil {
		return // a minority leaves the servers alone
	}
	g, master := w.g, w.g.look(ctx, m.Addr)
	if !master.master() {
		return
	}
	for i, one := range list {
		if one.among(ids) {
			continue // it is a member at another address, which it announces
		}
		c := base
		c.seen, c.master = one, master
		c.twin = twinOf(one, append([]*seen{master}, list[:i]...))
		c.claims, c.heard = w.ears[one.name].heard(time.Now())
		v := c.adopt()
		if v.join {
			g.log.Info("standalone: a server becomes a member", "server", one.name, "master", m.Addr)
			w.add(ctx, one.addr)
		}
		if v.why != "" {
			g.say("server "+one.name, "a server is not used", "server", one.name, "why", v.why)
		}
	}
}

// strangers reports whether servers answer and none of them is a member.
func strangers(list []*seen, ids []string) bool {
	return !slices.ContainsFunc(list, func(o *seen) bool { return o.err != nil || o.among(ids) })
}

// among reports whether a server has one of these run ids.
func (s *seen) among(ids []string) bool {
	return s.info != nil && s.info.RunID != "" && slices.Contains(ids, string(s.info.RunID))
}

// yield follows others that watch the same group and name another master, on a server that
// this Sentinel does not watch: of two that began apart, one has to give way. The higher
// epoch is right, and among equals the server that comes first in the list.
func (w *watcher) yield(ctx context.Context, m *sentinel.Master, list []*seen, listed []string) bool {
	own := slices.Index(listed, m.Addr)
	for _, one := range list {
		claims, _ := w.ears[one.name].heard(time.Now())
		for _, c := range claims {
			at := slices.Index(listed, c.master)
			if c.group != m.Name || at < 0 || c.master == m.Addr || c.epoch < m.Epoch || c.epoch == m.Epoch && own >= 0 && at > own {
				continue
			}
			if w.forget(ctx, m, "others that watch the group have another master, "+c.master) {
				w.begin(ctx, choice{master: c.master, why: "others that watch it say so"})
			}
			return true
		}
	}
	return false
}

// forget has the Sentinel watch the group no more.
func (w *watcher) forget(ctx context.Context, m *sentinel.Master, why string) bool {
	w.g.log.Warn("standalone: the master of before is given up", "master", m.Addr, "why", why)
	err := w.s.Remove(ctx, m.Name)
	w.g.watching.Store(0)
	w.g.resolver.Ask()
	return err == nil
}
