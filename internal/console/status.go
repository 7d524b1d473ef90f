package console

import (
	"time"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/quorum"
)

// Status is what /status shows.
type Status struct {
	ID             string    `json:"id"`
	Addr           string    `json:"addr,omitempty"`
	Version        string    `json:"version"`
	CompatibleWith string    `json:"compatible_with"`
	Now            time.Time `json:"now"`
	Started        time.Time `json:"started"`
	Epoch          uint64    `json:"epoch"`
	Ready          bool      `json:"ready"`
	Tilt           bool      `json:"tilt"`
	// SaveTrouble says why the state cannot be saved; "" while it can.
	SaveTrouble string `json:"save_trouble,omitempty"`
	// StallRecent is the longest time in the last minute or two that the loop let
	// something wait.
	StallRecent float64   `json:"loop_stall_recent_seconds"`
	Problems    []Problem `json:"problems"` // of this Sentinel, and then of the groups
	Groups      []Group   `json:"groups"`
}

// Group is a master and all that belongs to it.
type Group struct {
	Name  string `json:"name"`
	State string `json:"state"` // "ok", "down" in the opinion of this Sentinel, "agreed-down" or "failing-over"
	Addr  string `json:"addr"`  // at which clients should find the master
	Epoch uint64 `json:"epoch"`
	Server
	Replicas  []Replica `json:"replicas"`
	Sentinels []Peer    `json:"other_sentinels"`
	// A failover takes Needed Sentinels. Known and Usable ones include this one.
	Quorum int `json:"quorum"`
	Usable int `json:"usable_sentinels"`
	Known  int `json:"known_sentinels"`
	Needed int `json:"needed_sentinels"`

	Pause    *Pause          `json:"paused,omitempty"`
	Attempt  *journal.Report `json:"attempt,omitempty"` // that goes on
	History  []string        `json:"history"`           // of the last attempts, newest first
	Problems []Problem       `json:"problems"`
}

// Server is how a server or another Sentinel looks from here.
type Server struct {
	Up        bool      `json:"up"`
	DownSince time.Time `json:"down_since,omitzero"`
	Trouble   string    `json:"trouble,omitempty"` // why a connection fails, or what is refused on it
	Software  string    `json:"software,omitempty"`
	Offset    uint64    `json:"offset,omitempty"`
	RoundTrip float64   `json:"round_trip_seconds,omitempty"`
}

// Replica is a replica.
type Replica struct {
	Addr string `json:"addr"`
	Server
	Follows   string  `json:"follows,omitempty"`
	LinkUp    bool    `json:"link_up"`
	Lag       *uint64 `json:"lag_bytes,omitempty"` // nil: not known
	Priority  int     `json:"priority"`
	Unfit     string  `json:"unfit,omitempty"` // why it could not take the master's place
	Promoting bool    `json:"promoting,omitempty"`
	Announced bool    `json:"announced"`
}

// Behind returns by how many bytes it lags, 0 when that is not known.
func (r Replica) Behind() uint64 {
	if r.Lag == nil {
		return 0
	}
	return *r.Lag
}

// Peer is another Sentinel.
type Peer struct {
	ID   string `json:"id"`
	Addr string `json:"addr"`
	Server
	SaysDown bool   `json:"says_master_down"`
	VotedFor string `json:"voted_for,omitempty"`
	Epoch    uint64 `json:"vote_epoch,omitempty"`
}

// Pause is a pause of failovers.
type Pause struct {
	Until  time.Time `json:"until"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// recent is how many attempts of a master are shown.
const recent = 5

// status puts a snapshot in words and numbers.
func (s *snapshot) status() *Status {
	st := &Status{
		ID: string(s.id), Addr: s.Addr, Version: s.Version, CompatibleWith: s.MadeFor, Now: s.at.UTC(), Started: s.Started.UTC(), Epoch: uint64(s.epoch),
		Ready: s.saveTrouble == "", Tilt: s.tilt, SaveTrouble: s.saveTrouble, StallRecent: s.Recent.Seconds(),
		Problems: s.troubles(), Groups: make([]Group, len(s.groups)),
	}
	history := map[string][]string{}
	for _, r := range s.history {
		if list := history[r.Master]; len(list) < recent && r.Over() {
			history[r.Master] = append(list, r.String())
		}
	}
	for k := range s.groups {
		g := &st.Groups[k]
		*g = s.group(&s.groups[k])
		g.History = append([]string{}, history[g.Name]...)
		st.Problems = append(st.Problems, g.Problems...)
	}
	return st
}

func (s *snapshot) group(g *group) Group {
	m, known := &g.master, g.known()
	v := Group{
		Name: m.Name, State: "ok", Addr: m.Current.String(), Epoch: uint64(m.ConfigEpoch), Server: s.server(&m.InstanceView),
		Replicas: make([]Replica, len(g.replicas)), Sentinels: make([]Peer, len(g.sentinels)),
		Quorum: m.Quorum, Usable: m.UsableSentinels, Known: known, Needed: quorum.Needed(known, m.Quorum), Attempt: g.open,
	}
	switch {
	case m.Flags.Has(monitor.FlagFailoverInProgress):
		v.State = "failing-over"
	case m.Flags.Has(monitor.FlagODown):
		v.State = "agreed-down"
	case m.Flags.Has(monitor.FlagSDown):
		v.State = "down"
	}
	if m.Details != nil {
		v.Offset = m.Details.MasterOffset
	}
	if g.paused() {
		v.Pause = &Pause{Until: time.UnixMilli(m.Pause.Until).UTC(), By: string(m.Pause.By), Reason: m.Pause.Reason}
	}
	for i := range g.replicas {
		v.Replicas[i] = s.replica(g, &g.replicas[i])
	}
	for i := range g.sentinels {
		p := &g.sentinels[i]
		v.Sentinels[i] = Peer{
			ID: string(p.RunID), Addr: p.Addr.String(), Server: s.server(&p.InstanceView), SaysDown: p.Flags.Has(monitor.FlagMasterDown),
			VotedFor: string(p.VotedLeader), Epoch: uint64(p.VotedLeaderEpoch),
		}
		v.Sentinels[i].Software = p.Software.String()
		if p.Gossip.Version != "" {
			v.Sentinels[i].Software += " " + p.Gossip.Version
		}
	}
	v.Problems = g.problems(&v, s.at)
	return v
}

func (s *snapshot) server(i *monitor.InstanceView) Server {
	v := Server{Up: !i.Flags.Has(monitor.FlagSDown) && i.CommandsUp, Trouble: i.LinkError, RoundTrip: i.RoundTrip.Seconds()}
	if i.Flags.Has(monitor.FlagSDown) {
		v.DownSince = s.at.Add(-i.SDownTime).UTC().Truncate(time.Second)
	}
	if i.Details != nil {
		v.Software = i.Details.Version
	}
	return v
}

func (s *snapshot) replica(g *group, r *monitor.ReplicaView) Replica {
	v := Replica{
		Addr: r.Addr.String(), Server: s.server(&r.InstanceView), LinkUp: r.MasterLinkUp, Priority: r.Priority, Unfit: g.unfit(r),
		Promoting: r.Flags.Has(monitor.FlagPromoted), Announced: r.Announced,
	}
	v.Offset = r.Offset
	if r.MasterHost != "" {
		v.Follows = monitor.HostPort{Host: r.MasterHost, Port: r.MasterPort}.String()
	}
	if behind, ok := g.lag(r); ok {
		v.Lag = &behind
	}
	return v
}
