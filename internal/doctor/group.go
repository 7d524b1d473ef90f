package doctor

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/internal/words"
)

// group judges a master with its Sentinels and replicas.
func (j *judge) group(g *group) {
	if g.under {
		j.add(Finding{Kind: "failover-under-way", Master: g.name, Where: g.where(func(v *survey.View) bool { return v.Is("failover_in_progress") }),
			What: "A failover is under way: what is found now may be over in some seconds.", Mend: []string{"gosentinel doctor    # again, in a minute"}})
	}
	j.count(g)
	for _, v := range g.views {
		j.quorum(g, v)
		j.times(g, v)
		j.master(g, v)
		j.replicas(g, v)
	}
	if !g.under {
		j.agree(g)
		j.addresses(g)
	}
	j.candidates(g)
	j.apartServers(g)
	j.settings(g)
	j.passwords(g)
}

// where returns the Sentinels whose view is so.
func (g *group) where(is func(*survey.View) bool) (list []string) {
	for _, v := range g.views {
		if is(v) {
			list = append(list, v.Sentinel.Addr)
		}
	}
	return list
}

// set returns the command that sets an option at the Sentinel of a view.
func set(v *survey.View, option string, value any) string {
	return cli(v.Sentinel.Addr, "SENTINEL", "SET", v.Name(), option, fmt.Sprint(value))
}

// known is how many Sentinels a Sentinel counts, itself among them.
func known(v *survey.View) int { return int(v.Int("num-other-sentinels")) + 1 }

// count judges how many Sentinels there are.
func (j *judge) count(g *group) {
	n := 0
	for _, v := range g.views {
		n = max(n, known(v))
	}
	switch {
	case n < 3:
		j.add(Finding{Kind: "few-sentinels", Master: g.name, What: map[int]string{
			1: "There is one Sentinel: when its machine is down, or cut off, nobody replaces the master.",
			2: "There are two Sentinels, and both are needed for a failover: when one machine is down, nobody replaces the master.",
		}[n], Mend: []string{"start Sentinels with the same master on further machines, three in all, and a quorum of 2"}})
	case n%2 == 0:
		j.add(Finding{Kind: "even-sentinels", Master: g.name,
			What: fmt.Sprintf("There are %d Sentinels, and %d are needed for a failover: %d may be down, no more than with %d.", n, n/2+1, n-n/2-1, n-1),
			Mend: []string{fmt.Sprintf("add one, or stop one and have the others forget it: gosentinel forget %s", shell(g.name))}})
	}
}

func (j *judge) quorum(g *group, v *survey.View) {
	quorum, all := int(v.Int("quorum")), known(v)
	where := []string{v.Sentinel.Addr}
	switch {
	case quorum > all:
		j.add(Finding{Kind: "quorum-too-large", Master: g.name, Where: where,
			What: fmt.Sprintf("The quorum is %d, and there are only %s: no failover can begin.", quorum, words.Count(all, "Sentinel")), Mend: []string{set(v, "quorum", all/2+1)}})
	case v.Quorum != "" && !strings.HasPrefix(v.Quorum, "OK"):
		j.add(Finding{Kind: "no-quorum", Master: g.name, Where: where, What: "No failover can be decided: " + sentence(strings.TrimPrefix(v.Quorum, "NOQUORUM ")),
			Mend: []string{cli(v.Sentinel.Addr, "SENTINEL", "SENTINELS", g.name) + "    # start those with s_down in their flags, or mend the way to them"}})
	case quorum == 1 && all > 1:
		j.add(Finding{Kind: "quorum-one", Master: g.name, Where: where, What: "With quorum 1, one Sentinel that loses its connection is enough to call the master down.",
			Mend: []string{set(v, "quorum", all/2+1)}})
	}
}

// Least times, in round trips and in themselves.
const (
	leastTrips     = 5
	leastDownAfter = 100 * time.Millisecond
)

func (j *judge) times(g *group, v *survey.View) {
	down, timeout := v.Millis("down-after-milliseconds"), v.Millis("failover-timeout")
	where := []string{v.Sentinel.Addr}
	rtt, slowest := time.Duration(0), ""
	for _, s := range g.servers {
		if s.Asked() && s.RTT > rtt {
			rtt, slowest = s.RTT, s.Addr
		}
	}
	switch {
	case down == 0: // not told
	case down <= leastTrips*rtt:
		level := Warning
		if down <= 2*rtt {
			level = Danger
		}
		j.add(Finding{Kind: "down-after-short", Level: level, Master: g.name, Where: where,
			What: fmt.Sprintf("down-after is %v, and an answer of %s takes %v from here: a little delay counts as a failure.", down, slowest, round(rtt)),
			Mend: []string{set(v, "down-after-milliseconds", max(1000, 10*rtt.Milliseconds()))}})
	case down < leastDownAfter:
		j.add(Finding{Kind: "down-after-short", Master: g.name, Where: where, What: fmt.Sprintf("down-after is %v: an answer that is a little late counts as a failure.", down),
			Mend: []string{set(v, "down-after-milliseconds", 1000)}})
	}
	if timeout > 0 && timeout < 3*down {
		level := Warning
		if timeout < down {
			level = Danger
		}
		j.add(Finding{Kind: "failover-timeout-short", Level: level, Master: g.name, Where: where,
			What: fmt.Sprintf("failover-timeout is %v, less than three times down-after (%v): a failover may be given up before it is done.", timeout, down),
			Mend: []string{set(v, "failover-timeout", 3*max(down, time.Second).Milliseconds())}})
	}
	if n := int(v.Int("num-slaves")); n > 0 && int(v.Int("parallel-syncs")) > n {
		j.add(Finding{Kind: "parallel-syncs-high", Master: g.name, Where: where,
			What: fmt.Sprintf("parallel-syncs is %d, and there are %s: after a failover all of them load the data at once and serve nobody.", v.Int("parallel-syncs"), words.Count(n, "replica")),
			Mend: []string{set(v, "parallel-syncs", 1)}})
	}
}

// master judges what a Sentinel says of the master itself.
func (j *judge) master(g *group, v *survey.View) {
	where := []string{v.Sentinel.Addr}
	if ms := v.Int("failover-paused"); ms > 0 {
		j.add(Finding{Kind: "failover-paused", Master: g.name, Where: where,
			What: fmt.Sprintf("Failovers are paused for %v more: %s.", round(v.Millis("failover-paused")), v.Fields["failover-paused-reason"]),
			Mend: []string{cli(v.Sentinel.Addr, "SENTINEL", "RESUME-FAILOVER", g.name)}})
	}
	e := v.Fields["link-error"]
	if !v.Is("s_down") && !v.Is("disconnected") && !v.Is("o_down") {
		if e != "" {
			j.linkError(g.name, v.Sentinel.Addr, v.Addr(), e)
		}
		return
	}
	what := fmt.Sprintf("The master at %s counts as down", v.Addr())
	if e != "" {
		what += ": " + strings.TrimRight(e, ".")
	}
	mend := []string{cli(v.Addr(), "PING") + "    # on " + hostOf(v.Sentinel.Addr)}
	switch s := g.server(v.Addr()); {
	case s != nil && s.DefaultOpen:
		what += ". It answers here: a firewall stands between, or it is in protected mode"
	case s != nil:
		what += ". It answers here: the Sentinel has no password for it, or the wrong one, or a firewall stands between"
		mend = []string{set(v, "auth-pass", "<password>"), set(v, "auth-user", "<user>") + "    # if it is not the default user"}
	}
	j.add(Finding{Kind: "master-down", Master: g.name, Where: where, What: what + ".", Mend: mend})
}

// replicas judges what a Sentinel says of the replicas.
func (j *judge) replicas(g *group, v *survey.View) {
	for _, r := range v.Replicas {
		addr := r.Addr()
		switch e := r["link-error"]; {
		case r.Is("s_down") || r.Is("disconnected"):
			what := "The replica at " + addr + " counts as down"
			if e != "" {
				what += ": " + strings.TrimRight(e, ".")
			}
			mend := []string{"start it; or, if it is gone for good: gosentinel forget " + shell(g.name)}
			if s := g.server(addr); s != nil {
				what += ". It answers here"
				mend = []string{cli(addr, "PING") + "    # on " + hostOf(v.Sentinel.Addr) + ": a firewall, protected mode, or another password than that of the master"}
			}
			j.add(Finding{Kind: "replica-down", Master: g.name, Where: []string{v.Sentinel.Addr}, What: what + ".", Mend: mend})
		case e != "":
			j.linkError(g.name, v.Sentinel.Addr, addr, e)
		}
	}
}

// agree compares what the Sentinels of a group say.
func (j *judge) agree(g *group) {
	newest := g.views[0]
	for _, v := range g.views {
		if v.Int("config-epoch") > newest.Int("config-epoch") {
			newest = v
		}
	}
	for _, v := range g.views {
		if j.same(v.Addr(), newest.Addr()) {
			continue
		}
		j.add(Finding{Kind: "masters-differ", Master: g.name, Where: []string{v.Sentinel.Addr},
			What: fmt.Sprintf("Its master is %s (epoch %d), and that of %s is %s (epoch %d): clients get two answers.", v.Addr(), v.Int("config-epoch"), newest.Sentinel.Addr, newest.Addr(), newest.Int("config-epoch")),
			Mend: []string{cli(newest.Addr(), "ROLE") + "    # is that one the right master? Then:",
				cli(v.Sentinel.Addr, "SENTINEL", "REMOVE", g.name), cli(v.Sentinel.Addr, "SENTINEL", "MONITOR", g.name, hostOf(newest.Addr()), portOf(newest.Addr()), strconv.FormatInt(max(v.Int("quorum"), 1), 10))}})
	}
	for _, option := range []string{"quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs"} {
		values := map[string][]string{}
		for _, v := range g.views {
			values[v.Fields[option]] = append(values[v.Fields[option]], v.Sentinel.Addr)
		}
		if len(values) < 2 {
			continue
		}
		j.differ(g, option, values)
	}
}

func (j *judge) differ(g *group, option string, values map[string][]string) {
	common := ""
	for value, at := range values {
		if n := len(values[common]); len(at) > n || len(at) == n && value < common {
			common = value
		}
	}
	f := Finding{Kind: "settings-differ", Master: g.name}
	for _, v := range g.views {
		if value := v.Fields[option]; value != common {
			f.Where = append(f.Where, v.Sentinel.Addr)
			f.What = fmt.Sprintf("%s is %s there, and %s at %s: what happens depends on who leads.", option, value, common, some(values[common]))
			f.Mend = append(f.Mend, set(v, option, common))
		}
	}
	j.add(f)
}

// addresses looks for members whose addresses only some machines can use.
func (j *judge) addresses(g *group) {
	if !j.spread() {
		return
	}
	for _, v := range g.views {
		for _, addr := range append([]string{v.Addr()}, addrs(v.Replicas)...) {
			if local(addr) {
				j.add(Finding{Kind: "announced-address", Master: g.name, Where: []string{addr},
					What: "It is known by an address that means another machine to each Sentinel and client.",
					Mend: []string{"CONFIG SET replica-announce-ip <address that all reach>    # on that server, and in its file", cli(v.Sentinel.Addr, "SENTINEL", "RESET", g.name)}})
			}
		}
	}
}

func addrs(list []survey.Fields) (all []string) {
	for _, f := range list {
		all = append(all, f.Addr())
	}
	return all
}

// candidates judges whether anybody could be promoted.
func (j *judge) candidates(g *group) {
	replicas, down, zero := map[string]bool{}, 0, 0
	for _, v := range g.views {
		for _, r := range v.Replicas {
			if addr := r.Addr(); !replicas[addr] {
				replicas[addr] = true
				switch {
				case r["slave-priority"] == "0":
					zero++
				case r.Is("s_down") || r.Is("disconnected"):
					down++
				}
			}
		}
	}
	var mends []string
	for _, v := range g.views {
		for _, addr := range addrs(v.Replicas) {
			mends = union(mends, []string{cli(addr, "CONFIG", "SET", "replica-priority", "100")})
		}
	}
	switch n := len(replicas); {
	case n == 0:
		master := g.views[0].Addr()
		j.add(Finding{Kind: "no-replicas", Master: g.name, What: "The master at " + master + " has no replica: when it is down, nobody takes its place.",
			Mend: []string{"redis-cli -h <another server> REPLICAOF " + shell(hostOf(master), portOf(master))}})
	case zero == n:
		j.add(Finding{Kind: "no-candidate", Master: g.name, What: fmt.Sprintf("All replicas (%d) have priority 0, which says that they must not be promoted.", n), Mend: mends})
	case zero+down == n:
		j.add(Finding{Kind: "no-candidate", Master: g.name, What: fmt.Sprintf("No replica can be promoted: %d cannot be reached, and %d have priority 0.", down, zero), Mend: []string{"start the replicas that are down"}})
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
