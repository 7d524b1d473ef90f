package monitor

import (
	"strconv"
	"time"
)

// An operator who gives a master another address, by REMOVE and MONITOR on one
// Sentinel after the other, is contradicted by those that come later: they still
// announce the old address with a higher epoch. While the new address is that of a master,
// that does not count for orderTime if the epoch was known when the operator spoke: it is
// of before. Once most Sentinels have been told, it does not count at all, as one that was
// dead meanwhile may come after days. Nor does another epoch within orderWindow, as a Sentinel
// that was just started knows none. A chart that orders its first address after a failover
// names a replica, and is corrected at once. What is left after that is an operator who has
// changed a few Sentinels only; both addresses may be those of masters, and then nothing
// else would ever make the Sentinels agree.
const (
	orderTime   = 5 * time.Minute
	orderWindow = 30 * time.Second
)

// orderPatience is how long the new address may take to say what it is, if it does
// not refuse the connection.
const orderPatience = time.Second

// keepsOrder reports whether the address that an operator has just ordered stays
// although another Sentinel announces a newer configuration. It says so, or says
// who overrules.
func (c *Core) keepsOrder(now Instant, m *master, h *Hello) bool {
	addr, err := c.addrOf(h.MasterIP, h.MasterPort)
	if m.ordered == 0 || m.configEpoch != 0 || err != nil || addr.Same(m.addr) {
		return false
	}
	holds, settled := orderWindow, false
	if h.ConfigEpoch <= m.orderedEpoch {
		holds, settled = orderTime, c.tookOrder(m)
	}
	isMaster := m.infoRefresh != 0 && m.role == RoleMaster && !m.has(FlagSDown)
	isNew := m.infoRefresh == 0 && m.link.cmd.id != 0 && now < m.ordered.Add(orderPatience)
	keeps := (settled || now < m.ordered.Add(holds)) && (isMaster || isNew)
	text := "Sentinel " + string(h.RunID) + " announces " + m.cfg.Name + " at " + c.shown(addr).String() + " since epoch " +
		strconv.FormatUint(uint64(h.ConfigEpoch), 10)
	if !keeps {
		c.log(LevelNotice, text+", which overrules the "+c.shown(m.addr).String()+" of SENTINEL MONITOR")
		return false
	}
	howLong := " for " + holds.String()
	if settled {
		howLong = ", as most Sentinels have it,"
	}
	c.logOnce("ordered:"+strconv.FormatUint(uint64(m.id), 10), LevelNotice, text+": the "+c.shown(m.addr).String()+
		" of SENTINEL MONITOR stays"+howLong+" while a master is there")
	return true
}

// tookOrder reports whether most Sentinels have the address that an operator has ordered.
func (c *Core) tookOrder(m *master) bool {
	n := 1
	for _, p := range m.peers {
		if p.tookOrder {
			n++
		}
	}
	return n > m.voters()/2
}

// noteOrder notes whether a Sentinel has the address that an operator has ordered here.
func (c *Core) noteOrder(m *master, p *peer, h *Hello) {
	if m.ordered == 0 || m.configEpoch != 0 {
		return
	}
	addr, err := c.addrOf(h.MasterIP, h.MasterPort)
	p.tookOrder = err == nil && addr.Same(m.addr)
}
