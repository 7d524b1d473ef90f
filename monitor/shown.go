package monitor

// TakeAddrs calls f for each master of which clients get another answer now than at
// the last call: its address, or that it is known no more. At the first call these
// are all masters. The shell answers clients from what it got here, without
// asking the core each time. It must take the addresses before it carries out
// effects: a client that is told of a switch must not get the old address after that.
func (c *Core) TakeAddrs(f func(name string, addr HostPort, known bool)) {
	for _, name := range c.unshown {
		m := c.byName[name]
		if m == nil {
			f(name, HostPort{}, false)
			continue
		}
		m.unshown = false
		if now := c.shown(m.current()); now != m.shownAs {
			m.shownAs = now
			f(name, now, true)
		}
	}
	clear(c.unshown)
	c.unshown = c.unshown[:0]
}

// reshow has the next TakeAddrs look at m. Whatever may change what clients are told
// of a master calls it: a judgement, a switch, a look-up of names, an option.
func (c *Core) reshow(m *master) {
	if !m.unshown {
		m.unshown = true
		c.unshown = append(c.unshown, m.cfg.Name)
	}
}
