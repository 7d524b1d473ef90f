package monitor

// Shown is what is told of a master without asking the core each time.
type Shown struct {
	Name  string
	Known bool     // false: it is known no more, and nothing else counts
	Addr  HostPort // for clients
	// Quiet is where others ask for this master, as long as nobody here sees it as
	// down: the answer to a question without a vote is then no, and the question has no
	// effect. It is empty otherwise, and where it has a host name.
	Quiet HostPort
}

// TakeAddrs calls f for each master of which others get another answer now than at
// the last call. At the first call these are all masters. The shell answers clients from what it got here, without
// asking the core each time. It must take the addresses before it carries out
// effects: a client that is told of a switch must not get the old address after that.
func (c *Core) TakeAddrs(f func(Shown)) {
	for _, name := range c.unshown {
		m := c.byName[name]
		if m == nil {
			f(Shown{Name: name})
			continue
		}
		m.unshown = false
		if now := c.show(m); now != m.shownAs {
			m.shownAs = now
			f(now)
		}
	}
	clear(c.unshown)
	c.unshown = c.unshown[:0]
}

func (c *Core) show(m *master) Shown {
	s := Shown{Name: m.cfg.Name, Known: true, Addr: c.shown(m.current())}
	if at := (HostPort{Host: m.addr.IP, Port: m.addr.Port}); !m.has(FlagSDown) && m.addr.IP != "" && m.addr.Host == m.addr.IP && c.byAddr[at] == m {
		s.Quiet = at
	}
	return s
}

// reshow has the next TakeAddrs look at m. Whatever may change what clients are told
// of a master calls it: a judgement, a switch, a look-up of names, an option.
func (c *Core) reshow(m *master) {
	if !m.unshown {
		m.unshown = true
		c.unshown = append(c.unshown, m.cfg.Name)
	}
}
