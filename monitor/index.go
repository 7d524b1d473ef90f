package monitor

import "strings"

// index makes m findable by its address, which is how other Sentinels ask for
// it. With two masters at one address the first one is found.
func (c *Core) index(m *master) {
	for key := range addrKeys(m.addr) {
		if c.byAddr[key] == nil {
			c.byAddr[key] = m
		}
	}
}

func (c *Core) unindex(m *master) {
	for key := range addrKeys(m.addr) {
		if c.byAddr[key] == m {
			delete(c.byAddr, key)
			c.reindex(key, m)
		}
	}
}

// reindex finds another master for an address that gone has left.
func (c *Core) reindex(key HostPort, gone *master) {
	for _, m := range c.masters {
		if m == gone {
			continue
		}
		for k := range addrKeys(m.addr) {
			if k == key {
				c.byAddr[key] = m
				return
			}
		}
	}
}

// addrKeys gives what a master at a is found by: its resolved IP, and its host
// without regard to case.
func addrKeys(a Addr) func(yield func(HostPort) bool) {
	return func(yield func(HostPort) bool) {
		if a.IP != "" && !yield(HostPort{Host: a.IP, Port: a.Port}) {
			return
		}
		if a.Host != "" && a.Host != a.IP {
			yield(HostPort{Host: strings.ToLower(a.Host), Port: a.Port})
		}
	}
}

func (c *Core) masterAt(host string, port int) *master {
	addr, err := c.addrOf(host, port)
	if err != nil {
		addr = Addr{Host: host, Port: port}
	}
	for key := range addrKeys(addr) {
		if m := c.byAddr[key]; m != nil {
			return m
		}
	}
	return nil
}
