package monitor

import (
	"slices"

	"github.com/gosentinel/sentinel/election"
)

// call carries out an operator's command. Results that promise a saved change
// wait for the disk; the others are answered at once.
func (c *Core) call(now Instant, in Call) {
	var err *CallError
	switch op := in.Op.(type) {
	case MonitorOp:
		if c.byName[op.Master.Name] != nil {
			err = ErrDuplicateName
			break
		}
		c.gate(CallResult{To: in.From})
		m := c.addMaster(now, op.Master)
		// A master of this name may have been monitored before, and votes given
		// about it. Never vote again in an epoch that may be one of those (S3).
		m.ledger.Epoch = c.epoch
		c.emitDurable(&m.instance, Monitor{c.ref(&m.instance), m.cfg.Quorum})
		return
	case ResetOp:
		c.free(CallResult{To: in.From, Count: c.resetMatching(now, op)})
		return
	case FlushOp:
		c.gate(CallResult{To: in.From})
		return
	case ConfigSetOp:
		c.configSet(op)
		c.gate(CallResult{To: in.From})
		return
	case DebugOp:
		c.retune(now, op)
	case SimulateOp:
		c.simulate(op)
	case RemoveOp:
		err = c.withMaster(op.Name, func(m *master) *CallError { return c.remove(m) })
		if err == nil {
			c.gate(CallResult{To: in.From})
			return
		}
	case SetOp:
		err = c.withMaster(op.Name, func(m *master) *CallError { c.set(m, op); return nil })
		if err == nil {
			r := CallResult{To: in.From, Err: op.Err}
			if op.Err != nil {
				c.free(r) // what was applied before the bad option is saved all the same
			} else {
				c.gate(r)
			}
			return
		}
	case FailoverOp:
		err = c.withMaster(op.Name, func(m *master) *CallError { return c.manualFailover(now, m) })
	}
	r := CallResult{To: in.From}
	if err != nil {
		r.Err = err // a typed nil in the interface would look like an error
	}
	c.free(r)
}

func (c *Core) withMaster(name string, f func(*master) *CallError) *CallError {
	m := c.byName[name]
	if m == nil {
		return ErrNoSuchMaster
	}
	return f(m)
}

func (c *Core) resetMatching(now Instant, op ResetOp) int {
	n := 0
	for _, m := range c.masters {
		if op.Match(m.cfg.Name) {
			c.reset(now, m)
			n++
		}
	}
	return n
}

func (c *Core) remove(m *master) *CallError {
	c.emit(&m.instance, MonitorStopped{c.ref(&m.instance)})
	c.withdrawOpinion(m)
	c.dropMembers(m)
	c.unregister(&m.instance)
	c.stopTimer(&m.judge)
	c.detach(m.link, &m.instance)
	c.unindex(m)
	c.disk.waiting = slices.DeleteFunc(c.disk.waiting, func(o *master) bool { return o == m })
	delete(c.byName, m.cfg.Name)
	for k, o := range c.masters {
		if o == m {
			c.masters = append(c.masters[:k], c.masters[k+1:]...)
			break
		}
	}
	c.changed()
	return nil
}

func (c *Core) manualFailover(now Instant, m *master) *CallError {
	if m.attempt.InProgress() {
		return ErrInProgress
	}
	if election.Select(c.rules(now, m), c.candidates(now, m)) < 0 {
		return ErrNoGoodReplica
	}
	if c.disk.failing {
		return ErrSave // the epoch of the failover could be used twice
	}
	c.log(LevelNotice, "Executing user requested FAILOVER of '"+m.cfg.Name+"'")
	c.startAttempt(now, m, true)
	c.touch(m)
	return nil
}

// set applies the changes of SENTINEL SET in order.
func (c *Core) set(m *master, op SetOp) {
	before := m.cfg
	for _, ch := range op.Changes {
		ch.Apply(&m.cfg)
		c.emit(&m.instance, Set{c.ref(&m.instance), ch.Option, ch.Values})
	}
	m.cfg.Name, m.cfg.Addr = before.Name, before.Addr
	c.applyDownAfter(m)
	if m.cfg.AuthUser != before.AuthUser || m.cfg.AuthPass != before.AuthPass {
		c.closeLink(m.link)
		c.ready(&m.link.timer)
		for _, r := range m.replicas {
			c.closeLink(r.link)
			c.ready(&r.link.timer)
		}
	}
	if len(op.Changes) > 0 {
		c.changed()
	}
	c.touch(m)
}

func (c *Core) applyDownAfter(m *master) {
	m.downAfter = m.cfg.DownAfter
	c.ready(&m.link.timer)
	for _, r := range m.replicas {
		r.downAfter = m.cfg.DownAfter
		c.ready(&r.link.timer)
		c.wake(&r.instance)
	}
	for _, p := range m.peers {
		p.downAfter = m.cfg.DownAfter
		c.ready(&p.link.timer)
		c.wake(&p.instance)
	}
}

func (c *Core) configSet(op ConfigSetOp) {
	before := c.opts
	op.Apply(&c.opts)
	c.opts.MyID = before.MyID
	c.changed()
	if c.opts.SentinelUser == before.SentinelUser && c.opts.SentinelPass == before.SentinelPass {
		return
	}
	for _, m := range c.masters {
		for _, p := range m.peers {
			if p.link.owners[0] == &p.instance { // once for each shared link
				c.closeLink(p.link)
				c.ready(&p.link.timer)
			}
		}
	}
}
