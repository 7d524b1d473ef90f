package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/internal/words"
)

// Options say what is known beside the survey.
type Options struct {
	Master string // the only master that was looked at; "": all
	// OwnLogin says that servers were asked with the login of the Sentinels, as their file has it.
	OwnLogin bool
	// Own is the address of the Sentinel whose file was read; "": there was none. It may not
	// have been started yet.
	Own string
}

// Judge adds what a survey shows.
func (r *Report) Judge(s *survey.Survey, o Options) {
	j := &judge{Report: r, s: s, opt: o, groups: map[string]*group{}}
	j.gather()
	j.strangers()
	j.identities()
	j.sentinels()
	for _, name := range slices.Sorted(maps.Keys(j.groups)) {
		j.group(j.groups[name])
	}
	j.servers()
	j.clocks()
	r.Looked = append(r.Looked, fmt.Sprintf("%s, %s, %s, in %.1f s",
		words.Count(len(j.groups), "master"), words.Count(len(s.Sentinels), "Sentinel"), words.Count(len(s.Servers), "server"), s.Took.Seconds()))
	r.NotLooked = append(r.NotLooked, s.Left...)
}

// judge is the judging of one survey.
type judge struct {
	*Report
	s      *survey.Survey
	opt    Options
	groups map[string]*group
	byID   map[string][]*survey.Sentinel
}

// group is a master with all that belongs to it.
type group struct {
	name    string
	views   []*survey.View
	servers []*survey.Server
	under   bool // a failover is under way
}

func (j *judge) gather() {
	for _, s := range j.s.Sentinels {
		for _, v := range s.Masters {
			g := j.groups[v.Name()]
			if g == nil {
				g = &group{name: v.Name()}
				j.groups[v.Name()] = g
			}
			g.views = append(g.views, v)
			g.under = g.under || v.Is("failover_in_progress")
		}
	}
	for _, s := range j.s.Servers {
		for _, m := range s.Masters {
			if g := j.groups[m]; g != nil {
				g.servers = append(g.servers, s)
			}
		}
	}
	j.byID = map[string][]*survey.Sentinel{}
	for _, s := range j.s.Sentinels {
		if s.Asked() && s.ID != "" {
			j.byID[s.ID] = append(j.byID[s.ID], s)
		}
	}
}

// server returns a server of a group by its address; nil if it was not asked.
func (g *group) server(addr string) *survey.Server {
	for _, s := range g.servers {
		if s.Addr == addr && s.Asked() {
			return s
		}
	}
	return nil
}

// same reports whether two addresses are those of one server, as far as they were asked.
func (j *judge) same(a, b string) bool {
	if a == b {
		return true
	}
	x, y := j.asked(a), j.asked(b)
	return x != nil && y != nil && x.Info["run_id"] != "" && x.Info["run_id"] == y.Info["run_id"]
}

func (j *judge) asked(addr string) *survey.Server {
	for _, s := range j.s.Servers {
		if s.Addr == addr && s.Asked() {
			return s
		}
	}
	return nil
}

// strangers are addresses that were given and that answer as nobody who was expected.
func (j *judge) strangers() {
	asleep := false // the Sentinel of the file
	for _, n := range j.s.Strangers {
		if n.Addr == j.opt.Own && n.Problem.Cause == survey.Refused {
			asleep = true
			j.add(Finding{Kind: "sentinel-not-asked", Level: Note, Where: []string{n.Addr}, What: "No Sentinel runs with this file: nothing listens at its address.", Mend: []string{"gosentinel <file>"}})
			continue
		}
		j.add(Finding{Kind: "stranger", Where: []string{n.Addr}, What: "It could not be asked: " + n.Problem.Text + ".", Mend: j.remedy(n)})
	}
	for _, s := range j.s.Sentinels {
		if s.Asked() && len(s.Masters) == 0 {
			what := "It monitors no master."
			if j.opt.Master != "" {
				what = "It does not monitor " + j.opt.Master + "."
			}
			j.add(Finding{Kind: "not-monitored", Where: []string{s.Addr}, What: what,
				Mend: []string{cli(s.Addr, "SENTINEL", "MONITOR", cmp.Or(j.opt.Master, "<name>"), "<address of the master>", "6379", "2")}})
		}
	}
	if len(j.s.Servers) > 0 && len(j.s.Sentinels) == 0 && !asleep {
		j.add(Finding{Kind: "no-sentinels", Where: j.first(), What: "No Sentinel announces itself at these servers: nobody replaces the master when it is down.",
			Mend: []string{"echo 'sentinel monitor mymaster <address of the master> 6379 2' > sentinel.conf && gosentinel sentinel.conf    # on three machines"}})
	}
}

// first returns the servers that were asked at first.
func (j *judge) first() (list []string) {
	for _, s := range j.s.Servers {
		if s.FoundBy == "" {
			list = append(list, s.Addr)
		}
	}
	return list
}

// remedy says what to do about somebody who could not be asked.
func (j *judge) remedy(n *survey.Node) []string {
	switch n.Problem.Cause {
	case survey.NeedsAuth, survey.BadAuth:
		return []string{"REDISCLI_AUTH=<password> gosentinel doctor " + n.Addr + "    # or name the file of a Sentinel, which has the passwords"}
	case survey.NeedsTLS:
		return []string{"gosentinel doctor --tls --cacert <file> " + n.Addr}
	case survey.NoTLS:
		return []string{"gosentinel doctor " + n.Addr + "    # without --tls"}
	case survey.BadTLS:
		return []string{"gosentinel doctor --tls --cacert <file> --cert <file> --key <file> " + n.Addr}
	case survey.Denied:
		return []string{"gosentinel doctor " + n.Addr + "    # on that machine itself"}
	case survey.Forbidden:
		return []string{"gosentinel doctor --user <name> " + n.Addr + "    # who has: +ping +info +sentinel"}
	case survey.HTTP, survey.Stranger:
		return []string{"gosentinel doctor <host>:26379    # the port of a Sentinel, or 6379 of a server"}
	case survey.Refused:
		return []string{"ss -ltnp    # on that machine: is the process there, and at that address and port?"}
	case survey.Unknown:
		return []string{shell("getent", "hosts", hostOf(n.Addr)) + "    # the name must resolve on every machine"}
	case survey.Silent, survey.Closed:
		return []string{shell("nc", "-vz", hostOf(n.Addr), portOf(n.Addr)) + "    # from here: a firewall, or a machine or process that is down"}
	case survey.Blank:
		return []string{"gosentinel doctor <host>:26379"}
	}
	return []string{cli(n.Addr, "PING") + "    # shows what it answers"}
}

// identities looks for ids and addresses that several Sentinels share.
func (j *judge) identities() {
	for _, id := range slices.Sorted(maps.Keys(j.byID)) {
		list := j.byID[id]
		for _, s := range list[1:] {
			if s.Info["run_id"] == list[0].Info["run_id"] {
				continue // one process at two addresses
			}
			j.add(Finding{Kind: "same-id", Where: []string{list[0].Addr, s.Addr},
				What: "Both have the id " + id + ", as when a file was copied: they count as one Sentinel, and may vote twice in one epoch.",
				Mend: []string{"stop the Sentinel at " + s.Addr, "remove the line 'sentinel myid' of its file (in a sentinel.toml: all below the marker line), and start it"}})
		}
	}
	announced := map[string]*survey.Sentinel{}
	for _, id := range slices.Sorted(maps.Keys(j.byID)) {
		s := j.byID[id][0]
		host, port := s.Config["announce-ip"], s.Config["announce-port"]
		if host == "" {
			continue
		}
		if port == "" || port == "0" {
			port = s.Info["tcp_port"]
		}
		at := net.JoinHostPort(host, port)
		if first := announced[at]; first != nil {
			j.add(Finding{Kind: "announced-address", Where: []string{first.Addr, s.Addr},
				What: "Both announce " + at + ": the others take them for one, and reach only one of them.",
				Mend: []string{cli(s.Addr, "SENTINEL", "CONFIG", "SET", "announce-ip", "<address of its own>"), cli(s.Addr, "SENTINEL", "CONFIG", "SET", "announce-port", "<port of its own>")}})
		}
		announced[at] = s
	}
}

// clocks compares the clocks of the machines.
func (j *judge) clocks() {
	type clock struct {
		addr         string
		skew, unsure time.Duration
	}
	var all []clock
	note := func(n *survey.Node) {
		if n.Asked() && n.HasSkew {
			all = append(all, clock{n.Addr, n.Skew, n.Unsure})
		}
	}
	for _, s := range j.s.Sentinels {
		note(&s.Node)
	}
	for _, s := range j.s.Servers {
		note(&s.Node)
	}
	if len(all) < 2 {
		return
	}
	slices.SortStableFunc(all, func(a, b clock) int { return cmp.Compare(a.skew, b.skew) })
	middle := all[(len(all)-1)/2]
	for _, c := range all {
		if d := c.skew - middle.skew; d.Abs() > c.unsure+middle.unsure+maxSkew {
			way := "ahead of"
			if d < 0 {
				way = "behind"
			}
			host, _, _ := net.SplitHostPort(c.addr)
			j.add(Finding{Kind: "clocks-apart", Where: []string{host},
				What: fmt.Sprintf("Its clock is %v %s that of most others: logs cannot be compared, and keys expire sooner or later when another server becomes the master.", round(d.Abs()), way),
				Mend: []string{"timedatectl set-ntp true    # on that machine"}})
		}
	}
}

// maxSkew is by how much clocks may differ.
const maxSkew = 2 * time.Second

// round makes a duration readable.
func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Second:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// local reports whether only this machine can connect to an address.
func local(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// family names what kind of address it is.
func family(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	switch ip, err := netip.ParseAddr(host); {
	case err != nil:
		return "name"
	case ip.Unmap().Is4():
		return "IPv4"
	}
	return "IPv6"
}

// atLeast compares a version with one that is needed.
func atLeast(version string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a, &b); n == 0 {
		return true // not known
	}
	return a > major || a == major && b >= minor
}

// sentence ends a text with a full stop.
func sentence(s string) string { return strings.TrimRight(s, ". ") + "." }
