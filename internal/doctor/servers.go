package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/survey"
)

// servers judges each server by itself.
func (j *judge) servers() {
	for _, s := range j.s.Servers {
		if !s.Asked() {
			j.unaskedServer(s)
			continue
		}
		for _, l := range s.Lacks {
			j.lack(s, l)
		}
		v := s.Version()
		switch {
		case !atLeast(v, 4, 0):
			j.add(Finding{Kind: "old-server", Where: []string{s.Addr}, What: "Redis " + v + " does not tell which history its data descend from (4.0 does): a planned failover is that of stock and loses writes, and each one copies all data.",
				Mend: []string{"bring it to 6.2 or later, replicas first"}})
		case !atLeast(v, 6, 2):
			j.add(Finding{Kind: "old-server", Where: []string{s.Addr}, What: "Redis " + v + " cannot pause writes (6.2 can): in a planned failover only the change of role ends them, and clients see READONLY.",
				Mend: []string{"bring it to 6.2 or later, replicas first"}})
		}
		if file, told := s.Info["config_file"]; told && file == "" {
			j.add(Finding{Kind: "no-config-file", Where: []string{s.Addr}, What: "The server was started without a configuration file: its role cannot be saved, and after a restart it has the old one until Sentinels correct it.",
				Mend: []string{"start it with a file that it may write"}})
		}
	}
}

// whose names the master of a server, if it has one.
func whose(s *survey.Server) string {
	if len(s.Masters) == 1 {
		return s.Masters[0]
	}
	return ""
}

// unaskedServer judges a server that did not answer here.
func (j *judge) unaskedServer(s *survey.Server) {
	f := Finding{Kind: "server-not-asked", Master: whose(s), Where: []string{s.Addr}, What: "It could not be asked from here: " + sentence(s.Problem.Text), Mend: j.remedy(&s.Node)}
	switch s.Problem.Cause {
	case survey.Denied:
		f.Kind, f.What = "protected-mode", "The server is in protected mode: it has no password, and takes neither Sentinels, nor replicas, nor clients from other machines."
		f.Mend = []string{"write in its file: requirepass <password> and masterauth <password>, or: protected-mode no, if only friends reach it"}
	case survey.NeedsTLS, survey.NoTLS:
		f.Kind, f.What = "tls-differs", "The server was asked as the Sentinels do it: "+sentence(s.Problem.Text)
		f.Mend = []string{"write in the file of each Sentinel: tls-replication " + map[survey.Cause]string{survey.NeedsTLS: "yes", survey.NoTLS: "no"}[s.Problem.Cause]}
		if !j.opt.OwnLogin {
			f.Kind, f.What = "server-not-asked", "It could not be asked: "+sentence(s.Problem.Text)
			f.Mend = []string{"gosentinel doctor <file of a Sentinel> <its address>    # asks as the Sentinels do"}
		}
	case survey.NeedsAuth, survey.BadAuth, survey.Forbidden:
		f.Mend = []string{"gosentinel doctor <file of a Sentinel> <its address>    # asks with the login of the Sentinels; or: GOSENTINEL_SERVER_AUTH=<password>"}
		if j.opt.OwnLogin {
			f.Kind, f.What = "login-refused", "The server refuses the login that the file has: "+sentence(s.Problem.Text)
			f.Mend = []string{"redis-cli -h <each Sentinel> -p 26379 SENTINEL SET " + shell(f.Master) + " auth-pass <password>"}
		}
	case survey.Blank:
		f.Kind, f.What = "announced-address", "A server announces an address that is nobody's: "+sentence(s.Problem.Text)
		f.Mend = []string{"CONFIG SET replica-announce-ip <address that all reach>    # on that server, and in its file"}
	case survey.Refused, survey.Silent, survey.Unknown, survey.Closed:
		if j.countedDown(s) {
			return // the Sentinels say it too
		}
		if s.FoundBy == "" {
			f.Level = Danger // it was named by the reader
		}
		if s.FoundBy != "" && !j.watched(s) {
			f.Kind, f.What = "announced-address", fmt.Sprintf("%s names it as a server of the group, and nobody finds it there: %s", s.FoundBy, sentence(s.Problem.Text))
			f.Mend = []string{"CONFIG SET replica-announce-ip <address that all reach>    # on that server, and in its file"}
		}
	}
	j.add(f)
}

// countedDown reports whether a Sentinel says that a server is down.
func (j *judge) countedDown(s *survey.Server) bool {
	return j.saysAny(s.Addr, func(f survey.Fields) bool { return f.Is("s_down") || f.Is("disconnected") })
}

// watched reports whether a Sentinel watches a server.
func (j *judge) watched(s *survey.Server) bool {
	return j.saysAny(s.Addr, func(survey.Fields) bool { return true })
}

func (j *judge) saysAny(addr string, is func(survey.Fields) bool) bool {
	for _, s := range j.s.Sentinels {
		for _, v := range s.Masters {
			for _, f := range append([]survey.Fields{v.Fields}, v.Replicas...) {
				if f.Addr() == addr && is(f) {
					return true
				}
			}
		}
	}
	return false
}

func (j *judge) lack(s *survey.Server, l survey.Lack) {
	f := Finding{Master: whose(s), Where: []string{s.Addr}}
	switch {
	case l.Renamed:
		f.Kind = "command-renamed"
		f.What = fmt.Sprintf("The server has no command %s; %s.", l.Command, l.For)
		word, _, _ := strings.Cut(l.Command, " ")
		f.Mend = []string{"redis-cli -h <each Sentinel> -p 26379 SENTINEL SET " + shell(f.Master) + " rename-command " + word + " <its name there>", "or remove rename-command " + word + " from the file of the server"}
		if !l.Vital {
			f.Level = Warning
		}
	case l.Vital:
		f.Kind = "rights-missing"
		f.What = fmt.Sprintf("The user %s must not use %s; %s.", s.User, l.Command, l.For)
	default:
		f.Kind = "rights-reduced"
		f.What = fmt.Sprintf("The user %s must not use %s; %s.", s.User, l.Command, l.For)
	}
	if !l.Renamed {
		f.Mend = []string{cli(s.Addr, append([]string{"ACL", "SETUSER", s.User}, strings.Fields(l.Rule)...)...)}
	}
	j.add(f)
}

// apartServers looks for servers that have another master than the Sentinels think.
func (j *judge) apartServers(g *group) {
	if g.under {
		return
	}
	for _, v := range g.views {
		master := g.server(v.Addr())
		if master != nil && master.Role() == "slave" {
			j.add(Finding{Kind: "replica-of-another", Master: g.name, Where: []string{v.Addr()},
				What: fmt.Sprintf("The Sentinels take it for the master, and it is a replica of %s: clients cannot write.", master.MasterAddr()),
				Mend: []string{cli(v.Sentinel.Addr, "SENTINEL", "FAILOVER", g.name) + "    # or, if that other server is the right master, REMOVE and MONITOR it"}})
		}
		for _, r := range v.Replicas {
			s := g.server(r.Addr())
			switch {
			case s == nil || r.Addr() == v.Addr():
			case s.Role() == "master" && !j.same(s.Addr, v.Addr()):
				j.add(Finding{Kind: "replica-of-another", Master: g.name, Where: []string{s.Addr},
					What: "The Sentinels take it for a replica, and it is a master: what is written there is lost when they correct it.",
					Mend: []string{cli(s.Addr, "REPLICAOF", hostOf(v.Addr()), portOf(v.Addr()))}})
			case s.Role() == "slave" && !j.same(s.MasterAddr(), v.Addr()):
				j.add(Finding{Kind: "replica-of-another", Master: g.name, Where: []string{s.Addr},
					What: fmt.Sprintf("It is a replica of %s, and the master is %s.", s.MasterAddr(), v.Addr()),
					Mend: []string{cli(s.Addr, "REPLICAOF", hostOf(v.Addr()), portOf(v.Addr()))}})
			case s.Role() == "slave" && s.Info["master_link_status"] == "down" && s.Info["master_sync_in_progress"] != "1":
				j.add(Finding{Kind: "replica-link-down", Master: g.name, Where: []string{s.Addr},
					What: noLink(s),
					Mend: []string{cli(s.Addr, "CONFIG", "SET", "masterauth", "<password of the master>") + "    # if its log says NOAUTH or WRONGPASS; else mend the way to the master"}})
			}
		}
		j.unknownReplicas(g, v, master)
	}
}

func noLink(s *survey.Server) string {
	if since := s.Info.Int("master_link_down_since_seconds"); since >= 0 {
		return fmt.Sprintf("It has had no connection to its master for %d s: it falls behind, and may not be promoted.", since)
	}
	return "It has had no connection to its master since it began: it has no data, and may not be promoted."
}

// unknownReplicas are those that a master has and a Sentinel does not know.
func (j *judge) unknownReplicas(g *group, v *survey.View, master *survey.Server) {
	if master == nil || master.Role() != "master" || v.Is("s_down") {
		return
	}
	for _, addr := range master.Replicas {
		if !slices.ContainsFunc(v.Replicas, func(r survey.Fields) bool { return j.same(r.Addr(), addr) }) {
			s := j.asked(addr)
			if s != nil && s.Info["replica_announced"] == "0" {
				continue // it wants that
			}
			j.add(Finding{Kind: "replicas-unknown", Master: g.name, Where: []string{v.Sentinel.Addr}, What: fmt.Sprintf("The master has a replica at %s, which the Sentinel does not know.", addr),
				Mend: []string{cli(v.Sentinel.Addr, "SENTINEL", "RESET", g.name) + "    # if it is still unknown in 20 s"}})
		}
	}
}

// settings judges what servers said of their settings.
func (j *judge) settings(g *group) {
	var loose, mends []string
	newest, oldest := "", ""
	for _, s := range g.servers {
		if !s.Asked() {
			continue
		}
		if s.Config != nil && s.Config["min-replicas-to-write"] == "0" {
			loose = append(loose, s.Addr)
			mends = append(mends, cli(s.Addr, "CONFIG", "SET", "min-replicas-to-write", "1"))
		}
		if j.protected(g, s) {
			j.add(Finding{Kind: "protected-mode", Master: g.name, Where: []string{s.Addr},
				What: "The server is in protected mode and has no password: it takes neither Sentinels, nor replicas, nor clients from other machines.",
				Mend: []string{cli(s.Addr, "CONFIG", "SET", "protected-mode", "no") + "    # if only friends reach it; else requirepass and masterauth at all servers"}})
		}
		if v := s.Version(); v != "" {
			if oldest == "" || older(v, oldest) {
				oldest = v
			}
			if newest == "" || older(newest, v) {
				newest = v
			}
		}
	}
	if len(loose) > 0 {
		j.add(Finding{Kind: "min-replicas-unset", Master: g.name, Where: loose,
			What: "min-replicas-to-write is 0: a master that is cut off goes on taking writes until it is reached again, and all of them are lost. With 1 it stops after min-replicas-max-lag (10 s) without a replica; and also while no replica is left.",
			Mend: mends})
	}
	if older(oldest, newest) && !sameRelease(oldest, newest) {
		j.add(Finding{Kind: "server-versions-differ", Master: g.name, What: fmt.Sprintf("There are servers of %s and %s: one that is older than its master may be unable to load its data.", oldest, newest),
			Mend: []string{"bring all of them to one release, replicas first"}})
	}
}

// protected reports whether a server turns others away, which does not show on its own machine.
func (j *judge) protected(g *group, s *survey.Server) bool {
	if s.Config == nil || s.Config["protected-mode"] != "yes" || !s.DefaultOpen || !j.spread() {
		return false
	}
	return atLeast(s.Version(), 7, 0) || s.Config["bind"] == ""
}

// older compares versions by their numbers.
func older(a, b string) bool {
	var x, y [3]int
	fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	return slices.Compare(x[:], y[:]) < 0
}

// sameRelease reports whether versions differ in the last number only.
func sameRelease(a, b string) bool {
	cut := func(v string) string { return v[:max(0, strings.LastIndex(v, "."))] }
	return cut(a) == cut(b)
}

// passwords compares what servers ask for with what the others would tell them.
func (j *judge) passwords(g *group) {
	for _, s := range g.servers {
		var closed []string // to it
		for _, m := range g.servers {
			if could, sure := s.CouldFollow(m); s != m && sure && !could {
				closed = append(closed, m.Addr)
			}
		}
		if len(closed) == 0 {
			continue
		}
		what := "Its masterauth is not the password of " + some(closed)
		if !s.MasterAuth {
			what = "It has no masterauth, and these ask for a password: " + some(closed)
		}
		j.add(Finding{Kind: "masterauth-differs", Master: g.name, Where: []string{s.Addr}, What: what + ". As a replica it gets no data there.",
			Mend: []string{cli(s.Addr, "CONFIG", "SET", "masterauth", "<password>"), cli(s.Addr, "CONFIG", "REWRITE")}})
	}
}
