package doctor

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/survey"
)

// sentinels judges each Sentinel by itself, and as the others see it.
func (j *judge) sentinels() {
	var stock, first []string
	for _, s := range j.s.Sentinels {
		if !s.Asked() {
			j.unasked(s)
			continue
		}
		if s.Info["sentinel_tilt"] == "1" {
			j.add(Finding{Kind: "tilt", Where: []string{s.Addr},
				What: "It is in TILT: its process was stopped for a while, or its clock was set, and it decides nothing until it is calm for 30 s. Its log says why, if it is a gosentinel.",
				Mend: []string{"journalctl -u gosentinel -u redis-sentinel | grep -i tilt    # on that machine"}})
		}
		if !s.Own {
			stock = append(stock, s.Addr)
			first = union(first, []string{s.Software()})
		}
		for _, v := range s.Masters {
			for _, p := range v.Sentinels {
				j.peer(s, v, p)
			}
		}
	}
	if len(first) > 1 {
		slices.Sort(first)
		j.add(Finding{Kind: "versions-differ", Where: stock, What: "There are Sentinels of several releases: " + strings.Join(first, ", ") + ". That works while one is replaced after the other, and should end.",
			Mend: []string{"bring all of them to one release, one at a time"}})
	}
}

// unasked judges a Sentinel that did not answer here.
func (j *judge) unasked(s *survey.Sentinel) {
	alive := j.s.Heard[s.Addr]
	reached, down := j.opinions(s.Addr)
	mend := j.remedy(&s.Node)
	switch p := s.Problem; {
	case p.Cause == survey.Blank || local(s.Addr) && j.spread():
		j.announced(s.Addr, s.FoundBy, p.Text)
	case s.FoundBy == "" || p.Cause == survey.Skipped || reached:
		j.add(Finding{Kind: "sentinel-not-asked", Where: []string{s.Addr}, What: "It could not be asked from here: " + sentence(p.Text), Mend: mend})
	case p.Cause == survey.Denied:
		j.add(Finding{Kind: "protected-mode", Where: []string{s.Addr}, What: "The Sentinel takes nobody from another machine, so the others do not reach it.",
			Mend: []string{"write in its file: protected-mode no, and requirepass <password> or bind <address>; then start it anew"}})
	case alive && (p.Cause == survey.Refused || p.Cause == survey.Silent || p.Cause == survey.Unknown || p.Cause == survey.HTTP || p.Cause == survey.Stranger):
		j.announced(s.Addr, s.FoundBy, p.Text)
	case down:
		j.dead(s.Addr, p.Text)
	default:
		j.add(Finding{Kind: "sentinel-not-asked", Where: []string{s.Addr}, What: "It could not be asked: " + sentence(p.Text), Mend: mend})
	}
}

// opinions returns what the other Sentinels say of one at an address: somebody reaches it, somebody
// calls it down.
func (j *judge) opinions(addr string) (reached, down bool) {
	for _, s := range j.s.Sentinels {
		for _, v := range s.Masters {
			for _, p := range v.Sentinels {
				if p.Addr() != addr {
					continue
				}
				cut := p.Is("s_down") || p.Is("disconnected")
				reached, down = reached || !cut, down || p.Is("s_down")
			}
		}
	}
	return reached, down
}

// spread reports whether more than one machine is involved.
func (j *judge) spread() bool {
	for _, s := range j.s.Sentinels {
		if !local(s.Addr) && s.Problem == nil {
			return true
		}
	}
	return slices.ContainsFunc(j.s.Servers, func(s *survey.Server) bool { return !local(s.Addr) })
}

func (j *judge) announced(addr, by, why string) {
	what := fmt.Sprintf("A Sentinel announces %s, where the others do not find it: %s", addr, sentence(why))
	if others := j.otherFamily(addr); others != "" {
		what += fmt.Sprintf(" It is an %s address, and all others have %s.", family(addr), others)
	}
	j.add(Finding{Kind: "announced-address", Where: []string{addr}, What: what,
		Mend: []string{"redis-cli -h <that machine> -p 26379 SENTINEL CONFIG SET announce-ip <address that all reach>", "redis-cli -h <that machine> -p 26379 SENTINEL CONFIG SET announce-port <its port>"}})
}

// otherFamily returns the family of all other addresses, if it is another one.
func (j *judge) otherFamily(addr string) (name string) {
	for _, s := range j.s.Sentinels {
		switch f := family(s.Addr); {
		case s.Addr == addr:
		case f == family(addr) || f == "name" || name != "" && name != f:
			return ""
		default:
			name = f
		}
	}
	if family(addr) == "name" {
		return ""
	}
	return name
}

func (j *judge) dead(addr, why string) {
	masters := j.knownFor(addr)
	mend := []string{"start it again; or, if it is gone for good, have the others forget it, one after the other, half a minute between them:"}
	for _, s := range j.s.Sentinels {
		for _, v := range s.Masters {
			if slices.Contains(masters, v.Name()) {
				mend = append(mend, cli(s.Addr, "SENTINEL", "RESET", v.Name()))
			}
		}
	}
	j.add(Finding{Kind: "dead-sentinel", Where: []string{addr}, What: "It is down, and counts for the majority all the same: " + sentence(why), Mend: mend})
}

func (j *judge) knownFor(addr string) (masters []string) {
	for _, s := range j.s.Sentinels {
		for _, v := range s.Masters {
			if slices.ContainsFunc(v.Sentinels, func(p survey.Fields) bool { return p.Addr() == addr }) {
				masters = union(masters, []string{v.Name()})
			}
		}
	}
	return masters
}

// peer judges what a Sentinel says of another one.
func (j *judge) peer(s *survey.Sentinel, v *survey.View, p survey.Fields) {
	var there *survey.Sentinel // who answers at that address
	for _, o := range j.s.Sentinels {
		if o.Addr == p.Addr() && o.Asked() {
			there = o
		}
	}
	id := p["runid"]
	if there != nil && there.ID != "" && id != "" && there.ID != id {
		j.add(Finding{Kind: "announced-address", Where: []string{p.Addr()},
			What: fmt.Sprintf("Sentinel %s announces %s, and there answers Sentinel %s: they have one address for two.", short(id), p.Addr(), short(there.ID)),
			Mend: []string{"redis-cli -h <machine of the first> -p 26379 SENTINEL CONFIG SET announce-ip <address of its own>"}})
		return
	}
	if there == nil {
		return // unasked has it
	}
	if p.Is("s_down") || p.Is("disconnected") {
		why := "it answers here, but " + s.Addr + " does not reach it"
		if e := p["link-error"]; e != "" {
			why += ": " + e
		}
		j.apart(v.Name(), s.Addr, there.Addr, why)
	} else if e := p["link-error"]; e != "" {
		j.linkError(v.Name(), s.Addr, there.Addr, e)
	}
	if !slices.ContainsFunc(there.Masters, func(o *survey.View) bool { return o.Name() == v.Name() }) && (j.opt.Master == "" || j.opt.Master == v.Name()) {
		j.apart(v.Name(), s.Addr, there.Addr, "it does not monitor a master of that name")
	}
}

func (j *judge) apart(master, from, to, why string) {
	host, port, _ := net.SplitHostPort(to)
	j.add(Finding{Kind: "sentinels-apart", Master: master, Where: []string{from}, What: fmt.Sprintf("It counts the Sentinel at %s, which is of no use to it: %s", to, sentence(why)),
		Mend: []string{shell("nc", "-vz", host, port) + "    # on " + hostOf(from) + ": a firewall, or requirepass without the same sentinel-pass on both"}})
}

// linkError passes on what a Sentinel says of a connection.
func (j *judge) linkError(master, from, to, text string) {
	j.add(Finding{Kind: "link-error", Master: master, Where: []string{from}, What: fmt.Sprintf("Its connection to %s: %s", to, sentence(text)),
		Mend: []string{cli(from, "SENTINEL", "MASTER", master, "EXTENDED") + "    # shows it until it is mended"}})
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

// short is the beginning of an id.
func short(id string) string { return id[:min(8, len(id))] }
