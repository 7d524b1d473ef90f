package overview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/internal/words"
)

// Overview is what there is to see at one time.
type Overview struct {
	At     time.Time        `json:"at"`
	Status int              `json:"status"` // as that of doctor
	Groups []Group          `json:"masters"`
	Other  []doctor.Finding `json:"findings,omitempty"` // that concern no master
}

// Group is a master with what belongs to it.
type Group struct {
	Name      string           `json:"name"`
	Addr      string           `json:"address"`
	State     string           `json:"state"` // a word or a few
	Quorum    int              `json:"quorum"`
	Usable    int              `json:"usable_sentinels"`
	Known     int              `json:"known_sentinels"`
	Up        int              `json:"replicas_up"`
	Epoch     int64            `json:"config_epoch"`
	Servers   []Server         `json:"servers"`
	Sentinels []Sentinel       `json:"sentinels"`
	Findings  []doctor.Finding `json:"findings,omitempty"`
}

// Server is a master or replica.
type Server struct {
	Addr     string        `json:"address"`
	Role     string        `json:"role"`
	State    string        `json:"state"` // as Sentinels and the server itself say
	Version  string        `json:"version,omitempty"`
	RTT      time.Duration `json:"round_trip_ns,omitempty"`
	Behind   int64         `json:"behind_bytes"` // -1: not known
	Priority string        `json:"priority,omitempty"`
}

// Sentinel is a Sentinel, and what it thinks of the master.
type Sentinel struct {
	Addr     string `json:"address"`
	Software string `json:"software,omitempty"`
	Thinks   string `json:"thinks"`
}

// Of makes an overview.
func Of(s *survey.Survey, opt doctor.Options) *Overview {
	r := &doctor.Report{}
	r.Judge(s, opt)
	r.Sort()
	o := &Overview{At: s.Began, Status: r.Status()}
	var names []string
	for _, sn := range s.Sentinels {
		for _, v := range sn.Masters {
			if !slices.Contains(names, v.Name()) {
				names = append(names, v.Name())
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		o.Groups = append(o.Groups, group(s, name, r))
	}
	for _, f := range r.Findings {
		if !slices.Contains(names, f.Master) {
			o.Other = append(o.Other, f)
		}
	}
	return o
}

func group(s *survey.Survey, name string, r *doctor.Report) Group {
	g := Group{Name: name}
	var views []*survey.View
	for _, sn := range s.Sentinels {
		for _, v := range sn.Masters {
			if v.Name() == name {
				views = append(views, v)
				g.Sentinels = append(g.Sentinels, Sentinel{sn.Addr, sn.Software(), thinks(v)})
			}
		}
	}
	newest := slices.MaxFunc(views, func(a, b *survey.View) int { return cmp.Compare(a.Int("config-epoch"), b.Int("config-epoch")) })
	g.Addr, g.Epoch, g.Quorum = newest.Addr(), newest.Int("config-epoch"), int(newest.Int("quorum"))
	for _, p := range newest.Sentinels {
		if !slices.ContainsFunc(g.Sentinels, func(o Sentinel) bool { return o.Addr == p.Addr() }) {
			g.Sentinels = append(g.Sentinels, Sentinel{Addr: p.Addr(), Thinks: "not asked: " + why(s, p.Addr())})
		}
	}
	g.Known = int(newest.Int("num-other-sentinels")) + 1
	g.Usable = 1
	for _, p := range newest.Sentinels {
		if !p.Is("s_down") && !p.Is("disconnected") {
			g.Usable++
		}
	}
	g.servers(s, newest)
	for _, f := range r.Findings {
		if f.Master == name {
			g.Findings = append(g.Findings, f)
		}
	}
	g.State = state(views, g.Findings)
	return g
}

func why(s *survey.Survey, addr string) string {
	for _, sn := range s.Sentinels {
		if sn.Addr == addr && sn.Problem != nil {
			return sn.Problem.Text
		}
	}
	return "it does not monitor this master"
}

// servers adds the master and its replicas.
func (g *Group) servers(s *survey.Survey, v *survey.View) {
	end := int64(-1)
	if m := find(s, v.Addr()); m != nil && m.Asked() && m.Role() == "master" {
		end = m.Info.Int("master_repl_offset")
	}
	g.Servers = append(g.Servers, server(s, v.Fields, v.Addr(), "master", end))
	for _, r := range v.Replicas {
		one := server(s, r, r.Addr(), "replica", end)
		if !r.Is("s_down") && !r.Is("disconnected") {
			g.Up++
		}
		g.Servers = append(g.Servers, one)
	}
	slices.SortStableFunc(g.Servers[1:], func(a, b Server) int { return cmp.Compare(a.Addr, b.Addr) })
}

func find(s *survey.Survey, addr string) *survey.Server {
	for _, o := range s.Servers {
		if o.Addr == addr {
			return o
		}
	}
	return nil
}

func server(s *survey.Survey, f survey.Fields, addr, role string, end int64) Server {
	o := Server{Addr: addr, Role: role, State: flags(f), Behind: -1, Priority: f["slave-priority"]}
	n := find(s, addr)
	if role == "replica" {
		offset := f.Int("slave-repl-offset")
		if n != nil && n.Asked() {
			offset = n.Info.Int("slave_repl_offset")
		}
		if end >= 0 && offset > 0 {
			o.Behind = max(0, end-offset)
		}
		if f["master-link-status"] == "err" {
			o.State += ", no link to the master"
			o.Behind = -1
		}
	}
	switch {
	case n == nil:
	case !n.Asked():
		o.State += ", not asked: " + n.Problem.Text
	default:
		o.Version, o.RTT = n.Version(), n.RTT
		if role == "replica" && n.Role() == "master" {
			o.State += ", it is a master"
		}
		if role == "master" && n.Role() == "slave" {
			o.State += ", it is a replica of " + n.MasterAddr()
		}
	}
	return o
}

// flags says in words what a Sentinel thinks of somebody.
func flags(f survey.Fields) string {
	var words []string
	for _, c := range []struct{ flag, word string }{
		{"o_down", "down, by agreement"}, {"s_down", "down"}, {"disconnected", "not connected"}, {"reconf_sent", "gets a new master"},
		{"reconf_inprog", "gets a new master"}, {"promoted", "promoted"}, {"failover_in_progress", "failover under way"},
	} {
		if f.Is(c.flag) && !(c.flag == "s_down" && f.Is("o_down")) && !(c.flag == "disconnected" && f.Is("s_down")) {
			words = append(words, c.word)
		}
	}
	if len(words) == 0 {
		return "up"
	}
	return strings.Join(slices.Compact(words), ", ")
}

// thinks says what a Sentinel thinks of a master.
func thinks(v *survey.View) string {
	text := flags(v.Fields)
	if st := v.Fields["failover-state"]; st != "" && v.Is("failover_in_progress") {
		text += " (" + strings.ReplaceAll(st, "_", " ") + ")"
	}
	text += fmt.Sprintf(" at %s, %s, %s", v.Addr(), words.Count(len(v.Replicas), "replica"), words.Count(len(v.Sentinels), "other Sentinel"))
	if !strings.HasPrefix(v.Quorum, "OK") {
		text += ", no failover possible"
	}
	if ms := v.Int("failover-paused"); ms > 0 {
		text += ", failovers paused"
	}
	if v.Sentinel.Info["sentinel_tilt"] == "1" {
		text += ", TILT"
	}
	return text
}

// state is the state of a group, in a word or a few.
func state(views []*survey.View, findings []doctor.Finding) string {
	down := 0
	for _, v := range views {
		if v.Is("failover_in_progress") {
			return "failover"
		}
		if v.Is("s_down") {
			down++
		}
	}
	switch {
	case down > 0:
		return fmt.Sprintf("DOWN, say %d of %d", down, len(views))
	case len(findings) > 0 && findings[0].Level != doctor.Note:
		return string(findings[0].Level)
	}
	return "ok"
}
