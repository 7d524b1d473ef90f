package mock

// Address is a node as the announcement names it.
type Address struct {
	Name     string `json:"name"`
	Addr     string `json:"addr"` // "ip:port"
	Password string `json:"password,omitempty"`
}

// Announcement is what a client has to know. It is also the first line that the
// command prints, as JSON.
type Announcement struct {
	Script    string    `json:"script"`
	Title     string    `json:"title"`
	Mistake   string    `json:"mistake,omitempty"`
	Right     string    `json:"right"`
	Workload  Workload  `json:"workload"`
	Master    string    `json:"master"`
	Password  string    `json:"password,omitempty"` // of the servers
	TLS       bool      `json:"tls,omitempty"`      // all connections need it
	Sentinels []Address `json:"sentinels"`
	Servers   []Address `json:"servers"`
}

// Announcement returns what a client has to know.
func (m *Mock) Announcement() Announcement {
	s := m.script
	a := Announcement{
		Script: s.Name, Title: s.Title, Mistake: s.Mistake, Right: s.Right,
		Workload: s.Workload, Master: s.Master, Password: s.Password, TLS: m.opt.TLS != nil,
	}
	for _, n := range m.nodes {
		addr := Address{Name: n.Name, Addr: n.addr(), Password: n.Password}
		if n.Sentinel {
			a.Sentinels = append(a.Sentinels, addr)
		} else {
			a.Servers = append(a.Servers, addr)
		}
	}
	return a
}

// State is what has been seen so far.
type State struct {
	Step    string                      `json:"step"`
	Verdict Result                      `json:"verdict,omitempty"` // empty: none yet
	Counts  map[string]map[string]int64 `json:"counts"`            // by node and by what is counted; without zeros
}

// State returns what has been seen so far.
func (m *Mock) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{Step: m.step, Counts: map[string]map[string]int64{}}
	if m.decided {
		s.Verdict = m.verdict.Result
	}
	for _, n := range m.nodes {
		of := map[string]int64{}
		for i, c := range n.counts {
			if c != 0 {
				of[quantityNames[i]] = c
			}
		}
		s.Counts[n.Name] = of
	}
	return s
}
