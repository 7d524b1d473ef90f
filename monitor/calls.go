package monitor

import (
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/option"
)

// call carries out an operator's command. Results that promise a saved change
// wait for the disk; the others are answered at once.
func (c *Core) call(now Instant, in Call) {
	var err *CallError
	if c.refusedByObserver(in.Op) {
		c.free(CallResult{To: in.From, Err: ErrObserves})
		return
	}
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
		m.ordered, m.orderedEpoch = now, c.epoch
		m.lease.until = c.leased
		m.voted.at = now
		if c.epochsLost {
			c.forgetVotes(m)
		}
		c.emitDurable(&m.instance, event.Monitor{Instance: c.ref(&m.instance), Quorum: m.cfg.Quorum})
		return
	case ResetOp:
		if len(op.Pattern) > MaxPattern {
			err = ErrPatternTooLong
			break
		}
		r := CallResult{To: in.From, Count: c.resetMatching(now, op.Pattern)}
		if r.Count > 0 {
			c.gate(r)
		} else {
			c.free(r)
		}
		return
	case FlushOp:
		c.gate(CallResult{To: in.From})
		return
	case ConfigSetOp:
		if err = c.configSet(op); err == nil {
			c.gate(CallResult{To: in.From})
			return
		}
	case DebugOp:
		err = c.retune(now, op)
	case SimulateOp:
		c.simulate(op)
	case ReplicaOp:
		err = c.withMaster(op.Name, func(m *master) *CallError {
			addr, bad := c.addrOf(op.At.Host, op.At.Port)
			if bad != nil {
				return &CallError{"ERR", "Replica " + op.At.String() + ": " + bad.Error()}
			}
			c.dig(m, addr)
			c.addReplicas(now, m, []HostPort{op.At})
			return nil
		})
		if err == nil {
			c.gate(CallResult{To: in.From})
			return
		}
	case RemoveOp:
		err = c.withMaster(op.Name, func(m *master) *CallError { return c.remove(m) })
		if err == nil {
			c.gate(CallResult{To: in.From})
			return
		}
	case SetOp:
		err = c.withMaster(op.Name, func(m *master) *CallError { return c.set(m, op) })
		if err == nil {
			c.gate(CallResult{To: in.From})
			return
		}
	case PauseOp:
		c.pauseOp(now, in, op)
		return
	case ForgetOp:
		c.forgetCall(now, in, op)
		return
	case FailoverOp:
		c.failoverCall(now, in, op)
		return
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

func (c *Core) resetMatching(now Instant, pattern string) int {
	n := 0
	for _, m := range c.masters {
		if glob.Match(pattern, m.cfg.Name) {
			c.reset(now, m)
			n++
		}
	}
	return n
}

func (c *Core) remove(m *master) *CallError {
	if m.attempt.Published() {
		c.saveRoleAtOnce(m)
	}
	c.withdraw(c.now, m)
	c.handLeaseOn(m)
	c.leaveIsolated(c.now, m)
	c.dropInquirers(m)
	c.emit(&m.instance, event.MonitorStopped{Instance: c.ref(&m.instance)})
	c.withdrawOpinion(m)
	c.dropMembers(m)
	c.forgetExMasters(c.now, m)
	c.unregister(&m.instance)
	c.stopTimer(&m.judge)
	c.detach(m.link, &m.instance)
	c.unindex(m)
	c.disk.waiting = slices.DeleteFunc(c.disk.waiting, func(o *master) bool { return o == m })
	delete(c.byName, m.cfg.Name)
	c.unshown = append(c.unshown, m.cfg.Name)
	for k, o := range c.masters {
		if o == m {
			c.masters = append(c.masters[:k], c.masters[k+1:]...)
			break
		}
	}
	c.changed()
	return nil
}

// set applies the changes of SENTINEL SET in order, up to the first bad one.
func (c *Core) set(m *master, op SetOp) (err *CallError) {
	where := option.BySet
	if op.Own {
		where = option.InTOML
	}
	applied, login := 0, false
	for _, ch := range op.Changes {
		var shown []string
		if shown, err = setMasterOption(&m.cfg, where, c.opts.AllowScriptsReconfig || op.Own, ch); err != nil {
			break
		}
		c.emit(&m.instance, event.Set{Instance: c.ref(&m.instance), Option: ch.Option, Values: shown})
		applied++
		login = login || strings.EqualFold(ch.Option, "auth-user") || strings.EqualFold(ch.Option, "auth-pass")
	}
	c.applyDownAfter(m)
	if login { // also as it was: the servers may have got the user since they refused it
		c.closeLink(m.link)
		c.ready(&m.link.timer)
		for _, r := range m.replicas {
			c.closeLink(r.link)
			c.ready(&r.link.timer)
		}
	}
	if applied > 0 {
		m.outdated()
		c.changed()
	}
	c.touch(m)
	return err
}

// SetMasterOption applies one change of SENTINEL SET, and returns its values as
// they may be shown. allowScripts is [Options].AllowScriptsReconfig. After an error
// cfg is as it was.
func SetMasterOption(cfg *MasterConfig, allowScripts bool, ch Change) (shown []string, err *CallError) {
	return setMasterOption(cfg, option.BySet, allowScripts, ch)
}

func setMasterOption(cfg *MasterConfig, where option.Where, allowScripts bool, ch Change) (shown []string, err *CallError) {
	o := masterOptions.Find(where, strings.ToLower(ch.Option))
	switch {
	case o == nil || len(ch.Values) != o.Arity():
		return nil, unknownOption("SET", ch.Option)
	case o.Script != "" && !allowScripts:
		return nil, errScriptsDenied
	case o.Script != "" && ch.Values[0] != "" && ch.NotExecutable:
		return nil, &CallError{"ERR", o.Script + " script seems non existing or non executable"}
	}
	if bad := o.SetCommand(cfg, ch.Values); bad != option.Good {
		err := invalidValue("SET", ch, bad)
		err.Text += o.Why(cfg, ch.Values[bad])
		return nil, err
	}
	if o.Secret {
		return []string{"******"}, nil
	}
	return ch.Values, nil
}

var errScriptsDenied = &CallError{"ERR", "Reconfiguration of scripts path is denied for security reasons. " +
	"Check the deny-scripts-reconfig configuration directive in your Sentinel configuration"}

// unknownOption and invalidValue are what SET and DEBUG answer to a bad change.
func unknownOption(command, name string) *CallError {
	return &CallError{"ERR", "Unknown option or number of arguments for SENTINEL " + command + " '" + name + "'"}
}

func invalidValue(command string, ch Change, bad int) *CallError {
	return &CallError{"ERR", "Invalid argument '" + ch.Values[bad] + "' for SENTINEL " + command + " '" + ch.Option + "'"}
}

func (c *Core) applyDownAfter(m *master) {
	m.downAfter, m.link.shortest = m.cfg.DownAfter, 0
	c.ready(&m.link.timer)
	for _, r := range m.replicas {
		r.downAfter, r.link.shortest = m.cfg.DownAfter, 0
		c.ready(&r.link.timer)
		c.wake(&r.instance)
	}
	for _, p := range m.peers {
		p.downAfter, p.link.shortest = m.cfg.DownAfter, 0
		c.ready(&p.link.timer)
		c.wake(&p.instance)
	}
}

// SetGlobalOption applies one change of SENTINEL CONFIG SET. After an error o is as
// it was.
func SetGlobalOption(o *Options, ch Change) *CallError {
	row := globalOptions.Find(option.ByConfigSet, strings.ToLower(ch.Option))
	if row == nil || len(ch.Values) != row.Arity() {
		return &CallError{"ERR", "Invalid argument '" + ch.Option + "' to SENTINEL CONFIG SET"}
	}
	if bad := row.SetCommand(o, ch.Values); bad != option.Good {
		return &CallError{"ERR", "Invalid value '" + ch.Values[bad] + "' to SENTINEL CONFIG SET '" + ch.Option + "'" + row.Why(o, ch.Values[bad])}
	}
	return nil
}

func (c *Core) configSet(op ConfigSetOp) *CallError {
	after, login := c.opts, false
	for _, ch := range op.Changes {
		if err := SetGlobalOption(&after, ch); err != nil {
			return err
		}
		login = login || strings.EqualFold(ch.Option, "sentinel-user") || strings.EqualFold(ch.Option, "sentinel-pass")
	}
	c.opts = after
	c.changed()
	for _, m := range c.masters {
		c.reshow(m) // announce-hostnames may have changed
	}
	if !login {
		return nil
	}
	for _, m := range c.masters {
		for _, p := range m.peers {
			if p.link.owners[0] == &p.instance { // once for each shared link
				c.closeLink(p.link)
				c.ready(&p.link.timer)
			}
		}
	}
	return nil
}
