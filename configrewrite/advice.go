package configrewrite

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

// Advice is about something legal that will most likely not do what is wanted.
type Advice struct {
	Kind    string // the name of the finding that package doctor makes of it
	Master  string // "" when it concerns no master
	File    string
	Line    int    // from 1; 0 when no line says it
	Message string // what will go wrong
	Hint    string // what to write

	Bind []string // of what is open to all: where others connect, in the words of bind
}

// String returns the advice as one line of text.
func (a Advice) String() string {
	where := a.File
	if a.Line > 0 {
		where = fmt.Sprintf("%s:%d", a.File, a.Line)
	}
	return printableAll(fmt.Sprintf("%s: %s; %s", where, a.Message, a.Hint))
}

// Advice judges what was loaded. open says that clients need no password, which
// only the access control lists know. It is a pure function.
func (f *File) Advice(open bool) []Advice {
	a := adviser{doc: f.doc, file: f.path}
	a.listener(open)
	a.http()
	for i := range f.doc.State.Masters {
		a.master(f.doc.State.Masters[i])
	}
	return a.list
}

// longest is a period that can still be multiplied by three.
const longest = math.MaxInt64 / 3 * time.Nanosecond

type adviser struct {
	doc  *Document
	file string // for what no line says
	list []Advice
}

// add notes an advice with the place of the first of the options that has a line.
func (a *adviser) add(kind, master, message, hint string, keys ...string) {
	at := place{file: a.file}
	for _, k := range keys {
		if p, written := a.doc.asked.written[k]; written {
			at = p
			break
		}
	}
	a.list = append(a.list, Advice{Kind: kind, Master: master, File: at.file, Line: at.line, Message: message, Hint: hint})
}

// listener looks for a door without a lock: a client that connects can have masters
// failed over and removed.
func (a *adviser) listener(open bool) {
	s := &a.doc.Settings
	anyTLS := s.TLS.Port != 0 && s.TLS.AuthClients != "yes" // else a certificate is the password
	if !open || s.ProtectedMode || s.Port == 0 && !anyTLS || !slices.ContainsFunc(s.Bind, reachable) {
		return
	}
	a.openToAll(s.Bind, "clients of other machines need no password", "requirepass", "bind", "port")
}

// openToAll notes a door that stands open: the options are those of its password, its
// addresses and its port.
func (a *adviser) openToAll(bind []string, message, password, addrs, port string) {
	a.add("open-to-all", "", message, "write: "+a.setting(password, "<password>")+", or "+a.setting(addrs, "127.0.0.1"), addrs, port)
	a.list[len(a.list)-1].Bind = bind
}

// http looks for a page that anybody can look at.
func (a *adviser) http() {
	s := &a.doc.Settings.HTTP
	if s.Port != 0 && s.Password == "" && s.Token == "" && slices.ContainsFunc(s.Bind, reachable) {
		a.openToAll(s.Bind, "the status page and the metrics can be read from other machines without a password", "http-password", "http-bind", "http-port")
	}
	if s.User != "" && s.Password == "" {
		a.add("file-warning", "", "http-user has no effect without http-password: nobody is asked for a user", "write: "+a.setting("http-password", "<password>"), "http-user")
	}
}

// reachable reports whether other machines can connect to an address of bind.
func reachable(bind string) bool {
	bind = strings.TrimPrefix(bind, "-")
	ip, err := netip.ParseAddr(bind)
	return bind != "" && bind != "localhost" && (err != nil || !ip.Unmap().IsLoopback())
}

func (a *adviser) master(m *monitor.MasterState) {
	a.quorum(m)
	downAfter := m.DownAfter
	// The shortest time between two PING is also the least that leaves an answer
	// any time.
	if downAfter < monitor.DefaultTunables().PingFloor {
		downAfter = time.Second
		a.add("down-after-short", m.Name, fmt.Sprintf("master %s: down-after is %v: an answer that is a little late counts as a failure", m.Name, m.DownAfter),
			"write: "+a.option(m, "down-after-milliseconds", downAfter), masterKey("down-after-milliseconds", m.Name))
	}
	if m.FailoverTimeout/3 < m.DownAfter {
		a.add("failover-timeout-short", m.Name, fmt.Sprintf("master %s: failover-timeout is %v, less than three times down-after (%v): a failover may be given up before it is done", m.Name, m.FailoverTimeout, m.DownAfter),
			"write: "+a.option(m, "failover-timeout", 3*min(downAfter, longest)), masterKey("failover-timeout", m.Name), masterKey("down-after-milliseconds", m.Name))
	}
	if known := len(m.Replicas); known > 0 && m.ParallelSyncs > known {
		a.add("parallel-syncs-high", m.Name, fmt.Sprintf("master %s: parallel-syncs is %d, more than the known replicas (%d): after a failover all of them load the data at once and serve nobody", m.Name, m.ParallelSyncs, known),
			"write: "+a.option(m, "parallel-syncs", 1), masterKey("parallel-syncs", m.Name))
	}
}

// highQuorum is a quorum that few mean: it is the majority of seven.
const highQuorum = 4

func (a *adviser) quorum(m *monitor.MasterState) {
	all := len(m.Sentinels) + 1
	keys := []string{masterKey("quorum", m.Name), masterKey("monitor", m.Name)}
	switch {
	case all > 1 && m.Quorum > all:
		a.add("quorum-too-large", m.Name, fmt.Sprintf("master %s: quorum is %d, and only %d Sentinels are known, this one included: no failover can begin", m.Name, m.Quorum, all),
			fmt.Sprintf("start the missing ones, or write a quorum of %d", all/2+1), keys...)
	case m.Quorum > highQuorum:
		a.add("quorum-too-large", m.Name, fmt.Sprintf("master %s: quorum is %d, and no other Sentinel is known yet: no failover can begin before there are %d of them", m.Name, m.Quorum, m.Quorum),
			"with three Sentinels write a quorum of 2, with five 3", keys...)
	case m.Quorum < 2:
		a.add("quorum-one", m.Name, fmt.Sprintf("master %s: with quorum 1, one Sentinel that loses its connection is enough to call the master down", m.Name),
			"write a quorum of 2, with three Sentinels", keys...)
	}
}

// option returns how the file says the value of an option.
func (a *adviser) option(m *monitor.MasterState, name string, value any) string {
	o, c := masterOptions.Find(option.InConf, name), m.MasterConfig
	switch p := o.At(&c).(type) {
	case *time.Duration:
		*p = value.(time.Duration)
	case *int:
		*p = value.(int)
	}
	if a.doc.asked.format == FormatTOML {
		return o.Key() + " = " + tomlText(o, &c)
	}
	return joinArgs("sentinel", name, m.Name, o.Text(&c))
}

func (a *adviser) setting(name, value string) string {
	switch {
	case a.doc.asked.format != FormatTOML:
		return name + " " + value
	case name == "bind":
		return name + " = " + tomlStrings([]string{value})
	}
	return name + " = " + tomlString(value)
}
