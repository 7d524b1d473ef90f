package server

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/monitor"
)

func sentinelCommands() []*command {
	row := func(name string, arity int, run func(*request), since, summary string) *command {
		return &command{name: "sentinel|" + name, arity: arity, flags: sentinelFlags, run: run, since: since, group: "sentinel", summary: summary}
	}
	return []*command{
		row("ckquorum", 3, cmdCkQuorum, "2.8.4", "Checks whether a failover of a master could be decided now."),
		row("config", -4, cmdConfig, "6.2.0", "Shows or changes global parameters."),
		row("debug", -2, cmdDebug, "7.0.0", "Shows or changes periods and limits."),
		{name: "sentinel|failover", arity: -3, max: 7, flags: sentinelFlags, run: cmdFailover, since: "2.8.4", group: "sentinel", summary: "Starts a failover of a master; one that serves loses no write by it."},
		{name: "sentinel|failovers", arity: -3, max: 5, flags: sentinelFlags, run: cmdFailovers, since: "0.1.0", group: "sentinel", summary: "Tells of the last failovers of a master, and why they happened."},
		row("flushconfig", 2, cmdFlushConfig, "2.8.4", "Saves the configuration and state."),
		{name: "sentinel|forget", arity: -4, max: 8, flags: sentinelFlags, run: cmdForget, since: "0.1.0", group: "sentinel", summary: "Forgets one replica or Sentinel that is dead for good, on all Sentinels of this kind."},
		{name: "sentinel|get-master-addr-by-name", arity: 3, flags: sentinelFlags | flagImmediate, run: cmdGetMasterAddr, since: "2.8.4", group: "sentinel", summary: "Returns the address of a master."},
		{name: "sentinel|get-primary-addr-by-name", arity: 3, flags: sentinelFlags | flagImmediate, run: cmdGetMasterAddr, since: "8.0.0", group: "sentinel", summary: "Returns the address of a master (Valkey's name)."},
		row("gossip", 2, cmdGossip, "0.1.0", "Tells other Sentinels of this kind how to gossip with this one."),
		{name: "sentinel|help", arity: 2, flags: flagAnytime, run: func(r *request) { r.simples(sentinelHelp) }, since: "6.2.0", group: "sentinel", summary: "Shows a description of the subcommands."},
		row("info-cache", -3, cmdInfoCache, "3.2.0", "Returns the last INFO of masters and their replicas."),
		{name: "sentinel|is-master-down-by-addr", arity: -6, max: 9, flags: sentinelFlags | flagQuestion, run: cmdIsMasterDown, since: "2.8.4", group: "sentinel", summary: "Asks for the opinion, and the vote, of this Sentinel."},
		{name: "sentinel|is-primary-down-by-addr", arity: -6, max: 9, flags: sentinelFlags | flagQuestion, run: cmdIsMasterDown, since: "8.0.0", group: "sentinel", summary: "Asks for the opinion, and the vote, of this Sentinel (Valkey's name)."},
		row("master", -3, cmdMaster, "2.8.4", "Shows the state of a master."),
		row("masters", 2, cmdMasters, "2.8.4", "Shows the state of all masters."),
		row("monitor", 6, cmdMonitor, "2.8.4", "Starts monitoring a master."),
		row("myid", 2, cmdMyID, "6.2.0", "Returns the id of this Sentinel."),
		{name: "sentinel|pause-failover", arity: -4, max: 7, flags: sentinelFlags, run: cmdPauseFailover, since: "0.1.0", group: "sentinel", summary: "Pauses the failovers of a master for a time."},
		row("pending-scripts", 2, cmdPendingScripts, "2.8.4", "Shows the scripts that run or wait."),
		row("primaries", 2, cmdMasters, "8.0.0", "Shows the state of all masters (Valkey's name)."),
		row("primary", -3, cmdMaster, "8.0.0", "Shows the state of a master (Valkey's name)."),
		row("remove", 3, cmdRemove, "2.8.4", "Stops monitoring a master."),
		row("replicas", -3, cmdReplicas, "5.0.0", "Shows the state of the replicas of a master."),
		row("reset", 3, cmdReset, "2.8.4", "Forgets replicas and Sentinels of masters by pattern."),
		row("sentinels", -3, cmdSentinels, "2.8.4", "Shows the state of the other Sentinels of a master."),
		{name: "sentinel|resume-failover", arity: -3, max: 6, flags: sentinelFlags, run: cmdResumeFailover, since: "0.1.0", group: "sentinel", summary: "Ends a pause of the failovers of a master."},
		row("set", -5, cmdSet, "2.8.4", "Changes options of a master."),
		row("simulate-failure", -3, cmdSimulateFailure, "3.2.0", "Makes this Sentinel crash at a point of its next failover."),
		row("slaves", -3, cmdReplicas, "2.8.0", "Shows the state of the replicas of a master (the old name)."),
	}
}

var sentinelHelp = []string{
	"SENTINEL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CKQUORUM <master-name>",
	"    Check whether enough Sentinels are usable to agree that the master is",
	"    down (quorum) and to authorize a failover (majority).",
	"CONFIG GET <param> [<param> ...]",
	"    Show global parameters; patterns are allowed.",
	"CONFIG SET <param> <value> [<param> <value> ...]",
	"    Change global parameters, all or none.",
	"DEBUG [<param> <value> ...]",
	"    Show or change periods and limits, in milliseconds, until the next start.",
	"FAILOVER <master-name> [COORDINATED|FORCE] [TO <host> <port>]",
	"    Start a failover now. A master that serves stops to take writes until the",
	"    replica has all of them and takes its place; COORDINATED refuses to do",
	"    without that. FORCE promotes a replica that lacks data, and tells what is",
	"    lost. TO names the replica. Other Sentinels are asked for their votes, and",
	"    after 500 ms it goes on without. The reply comes at the start;",
	"    +switch-master tells of the success.",
	"FAILOVERS <master-name> [<count>] [JSON]",
	"    Show the last failovers, 10 unless told otherwise, newest first: why each",
	"    began, who voted how, what spoke against each replica, how long each phase",
	"    took, how it ended, and what may be lost.",
	"FLUSHCONFIG",
	"    Save the configuration and the state.",
	"FORGET <master-name> <replica host:port | Sentinel id> [FORCE]",
	"    Forget one member that is dead for good, on all Sentinels of this kind. For",
	"    an hour only the member itself can bring itself back. One that is alive is",
	"    refused without FORCE.",
	"GET-MASTER-ADDR-BY-NAME <master-name>",
	"    Show the address that clients of the master should use.",
	"GOSSIP",
	"    Show how to gossip with this Sentinel. For other Sentinels.",
	"INFO-CACHE <master-name> [<master-name> ...]",
	"    Show the last INFO of masters and their replicas.",
	"IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid> [LEASE <ms>]",
	"    Tell whether this Sentinel sees the master at that address as down and,",
	"    unless <runid> is *, vote; with LEASE for nobody else within that time.",
	"    For other Sentinels.",
	"MASTER <master-name> [EXTENDED]",
	"    Show the state of a master; EXTENDED adds why it cannot be reached.",
	"MASTERS",
	"    Show the state of all masters.",
	"MONITOR <name> <ip> <port> <quorum>",
	"    Start monitoring a master.",
	"MYID",
	"    Show the id of this Sentinel.",
	"PAUSE-FAILOVER <master-name> <ms> [<reason>]",
	"    Begin no failover of the master, and vote for none, until the time is over,",
	"    at most 24 hours, or RESUME-FAILOVER ends it. Other gosentinels are told.",
	"    Only FAILOVER with FORCE is carried out nevertheless.",
	"PENDING-SCRIPTS",
	"    Show the scripts that run or wait for their turn.",
	"REMOVE <master-name>",
	"    Stop monitoring a master.",
	"REPLICAS <master-name> [EXTENDED]",
	"    Show the state of the replicas of a master; EXTENDED adds why one cannot be",
	"    reached.",
	"RESET <pattern>",
	"    Forget the replicas and other Sentinels of the matching masters; what",
	"    still exists is found again.",
	"RESUME-FAILOVER <master-name>",
	"    End a pause of the failovers of the master.",
	"SENTINELS <master-name> [EXTENDED]",
	"    Show the state of the other Sentinels of a master; EXTENDED adds why one",
	"    cannot be reached, which software each is, and whether gossip with it works.",
	"SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]",
	"    Make this Sentinel exit with status 99 at a point of its next failover.",
	"SET <master-name> <option> <value> [<option> <value> ...]",
	"    Change options of a master.",
	"HELP",
	"    Print this help.",
}

// read runs f on the loop. If the loop is stopping, it replies with an error and
// returns false. f must only copy, because the whole Sentinel waits for it.
func (r *request) read(f func(c Reader, now monitor.Instant)) bool {
	if !r.server.engine.View(f) {
		r.stopping()
		return false
	}
	return true
}

func (r *request) noSuchMaster() { r.error(monitor.ErrNoSuchMaster) }

func cmdMyID(r *request) {
	var id monitor.RunID
	if r.read(func(c Reader, _ monitor.Instant) { id = c.Options().MyID }) {
		r.bulk(string(id))
	}
}

func cmdRole(r *request) {
	var masters []monitor.MasterView
	if !r.read(func(c Reader, now monitor.Instant) { masters = c.Masters(now) }) {
		return
	}
	r.array(2)
	r.bulk("sentinel")
	r.array(len(masters))
	for _, m := range masters {
		r.bulk(m.Name)
	}
}

func cmdMasters(r *request) {
	var masters []monitor.MasterView
	if !r.read(func(c Reader, now monitor.Instant) { masters = c.Masters(now) }) {
		return
	}
	r.array(len(masters))
	for _, m := range masters {
		r.fields(masterFields(m))
	}
}

// master returns the view of the master named by word 2. If it returns false, it
// has already replied.
func (r *request) master() (v monitor.MasterView, ok bool) {
	name := r.arg(2)
	if !r.read(func(c Reader, now monitor.Instant) { v, ok = c.Master(now, name) }) {
		return v, false
	}
	if !ok {
		r.noSuchMaster()
	}
	return v, ok
}

// extended reports whether word 3 asks for more fields than redis-sentinel has.
// They come after those, and not by default, because some clients read the fields
// by position. If it returns false for ok, it has already replied.
func (r *request) extended() (extended, ok bool) {
	extended = len(r.args) == 4 && r.is(3, "EXTENDED")
	if len(r.args) > 3 && !extended {
		r.wrongArity()
		return false, false
	}
	return extended, true
}

// linkFields adds why an instance cannot be reached, and for how long that has
// been so.
func (f *fields) linkFields(v monitor.InstanceView) {
	f.text("link-error", v.LinkError)
	f.age("link-error-since", v.LinkErrorSince)
}

func cmdMaster(r *request) {
	extended, ok := r.extended()
	if !ok {
		return
	}
	m, ok := r.master()
	if !ok {
		return
	}
	f := masterFields(m)
	if extended {
		f.linkFields(m.InstanceView)
		f.text("planned-failover", m.PlannedFailover.String())
		f.age("empty-promotion-grace", m.EmptyPromotionGrace)
		f.text("accept-empty", yesOrNo(m.AcceptEmpty))
		f.age("down-after-refused-milliseconds", m.DownAfterRefused)
		f.age("replica-expire", m.ReplicaExpire)
		f.pauseFields(m)
		for _, g := range m.Guards {
			f.text(g.Guard.String(), g.Mode.String())
		}
		f.isolationFields(m.Isolation)
	}
	r.fields(f)
}

// isolationFields adds what the isolation fence rests on, and since when it holds and why.
func (f *fields) isolationFields(v monitor.IsolationView) {
	if v == (monitor.IsolationView{}) {
		return // the guard is off
	}
	f.num("isolation-promises", int64(v.Promises))
	f.num("isolation-promises-bound", int64(v.Bound))
	f.num("isolation-promises-needed", int64(v.Needed))
	f.age("isolation-promises-left", v.Left)
	f.age("isolation-fenced", v.Fenced)
	f.text("isolation-fence-reason", cmp.Or(v.Reason, v.Unable))
}

// pauseFields adds for how long the failovers of a master are still paused, at which
// Sentinel an operator asked for it, and why.
func (f *fields) pauseFields(m monitor.MasterView) {
	left, by, reason := time.Duration(0), monitor.RunID(""), ""
	if !m.Pause.Resumed {
		left, by, reason = m.PauseLeft, m.Pause.By, m.Pause.Reason
	}
	f.age("failover-paused", left)
	f.text("failover-paused-by", string(by))
	f.text("failover-paused-reason", reason)
}

func cmdReplicas(r *request) {
	extended, ok := r.extended()
	if !ok {
		return
	}
	var replicas []monitor.ReplicaView
	name := r.arg(2)
	if !r.read(func(c Reader, now monitor.Instant) { replicas, ok = c.Replicas(now, name) }) {
		return
	}
	if !ok {
		r.noSuchMaster()
		return
	}
	var announced []*fields
	for _, v := range replicas {
		if !v.Announced {
			continue
		}
		f := replicaFields(v)
		if extended {
			f.linkFields(v.InstanceView)
		}
		announced = append(announced, f)
	}
	r.array(len(announced))
	for _, f := range announced {
		r.fields(f)
	}
}

func cmdSentinels(r *request) {
	extended, ok := r.extended()
	if !ok {
		return
	}
	var peers []monitor.SentinelView
	name := r.arg(2)
	if !r.read(func(c Reader, now monitor.Instant) { peers, ok = c.Sentinels(now, name) }) {
		return
	}
	if !ok {
		r.noSuchMaster()
		return
	}
	r.array(len(peers))
	for _, v := range peers {
		f := sentinelFields(v)
		if extended {
			f.text("kind", v.Software.String())
			f.text("version", v.Gossip.Version)
			f.text("gossip", r.server.cfg.Gossip.State(v))
			f.linkFields(v.InstanceView)
		}
		r.fields(f)
	}
}

// cmdGossip answers monitor.AskGossip. redis-sentinel replies to it with an
// error.
func cmdGossip(r *request) {
	var opts monitor.Options
	if !r.read(func(c Reader, _ monitor.Instant) { opts = c.Options() }) {
		return
	}
	e := r.server.cfg.Gossip.Endpoint(opts.AnnounceIP)
	f := &fields{}
	f.text("version", e.Version)
	f.text("run-id", string(opts.MyID))
	f.text("boot", e.Boot)
	f.text("ip", e.Addr.Host)
	f.num("port", int64(e.Addr.Port))
	f.text("key-id", e.KeyID)
	r.fields(f)
}

// instanceFields returns fields 1 to 17 of wire.md §4, Instance maps, which says
// which kinds of instance have which fields.
func instanceFields(v monitor.InstanceView, failoverState string) *fields {
	f := &fields{pairs: make([]string, 0, 64)}
	f.text("name", v.Name)
	f.text("ip", v.Addr.Host)
	f.num("port", int64(v.Addr.Port))
	f.text("runid", string(v.RunID))
	f.text("flags", v.Flags.String())
	f.num("link-pending-commands", int64(v.PendingCommands))
	f.num("link-refcount", int64(v.LinkRefs))
	if v.Flags.Has(monitor.FlagFailoverInProgress) {
		f.text("failover-state", failoverState)
	}
	f.age("last-ping-sent", v.LastPingSent)
	f.age("last-ok-ping-reply", v.LastOKPingReply)
	f.age("last-ping-reply", v.LastPingReply)
	if v.Flags.Has(monitor.FlagSDown) {
		f.age("s-down-time", v.SDownTime)
	}
	if v.Flags.Has(monitor.FlagODown) {
		f.age("o-down-time", v.ODownTime)
	}
	f.age("down-after-milliseconds", v.DownAfter)
	if !v.Flags.Has(monitor.FlagSentinel) {
		f.age("info-refresh", v.InfoRefresh)
		f.text("role-reported", v.RoleReported.String())
		f.age("role-reported-time", v.RoleReportedTime)
	}
	return f
}

// age adds a duration in milliseconds.
func (f *fields) age(name string, d time.Duration) { f.num(name, d.Milliseconds()) }

func masterFields(m monitor.MasterView) *fields {
	f := instanceFields(m.InstanceView, m.FailoverState)
	f.uint("config-epoch", uint64(m.ConfigEpoch))
	f.num("num-slaves", int64(m.Replicas))
	f.num("num-other-sentinels", int64(m.OtherSentinels))
	f.num("quorum", int64(m.Quorum))
	f.age("failover-timeout", m.FailoverTimeout)
	f.num("parallel-syncs", int64(m.ParallelSyncs))
	f.textIf("notification-script", m.NotificationScript)
	f.textIf("client-reconfig-script", m.ClientReconfigScript)
	return f
}

func replicaFields(v monitor.ReplicaView) *fields {
	f := instanceFields(v.InstanceView, "")
	status, host, announced := "err", v.MasterHost, int64(0)
	if v.MasterLinkUp {
		status = "ok"
	}
	if host == "" {
		host = "?"
	}
	if v.Announced {
		announced = 1
	}
	f.age("master-link-down-time", v.MasterLinkDown)
	f.text("master-link-status", status)
	f.text("master-host", host)
	f.num("master-port", int64(v.MasterPort))
	f.num("slave-priority", int64(v.Priority))
	f.uint("slave-repl-offset", v.Offset)
	f.num("replica-announced", announced)
	return f
}

func sentinelFields(v monitor.SentinelView) *fields {
	f := instanceFields(v.InstanceView, "")
	leader := string(v.VotedLeader)
	if leader == "" {
		leader = "?"
	}
	f.age("last-hello-message", v.LastHello)
	f.text("voted-leader", leader)
	f.uint("voted-leader-epoch", uint64(v.VotedLeaderEpoch))
	return f
}

// cmdGetMasterAddr answers from what the loop has shown, which holds all that anybody
// was told of. What this connection has sent before, or others by PUBLISH, may not have
// reached the loop yet: then a turn of the loop is waited for.
func cmdGetMasterAddr(r *request) {
	if r.client.behind() && !r.read(func(Reader, monitor.Instant) {}) {
		return
	}
	switch text, ok := r.server.addrs.Find(r.args[2]); {
	case !ok:
		r.stopping()
	case text == nil:
		r.nullArray()
	default:
		r.buf = append(r.buf, text...)
	}
}

func cmdCkQuorum(r *request) {
	m, ok := r.master()
	if !ok {
		return
	}
	if text, ok := m.QuorumText(); ok {
		r.simple(text)
	} else {
		code, rest, _ := strings.Cut(text, " ")
		r.fail(code, rest)
	}
}

// infoEntry is one server's entry in the reply to INFO-CACHE.
type infoEntry struct {
	age  time.Duration
	info monitor.InfoText
}

func cmdInfoCache(r *request) {
	type cached struct {
		name    string
		entries []infoEntry
	}
	var found []cached
	var names []string // a name given twice is shown once
	given := make(map[string]bool)
	for _, arg := range r.args[2:] {
		if name := string(arg); !given[name] {
			given[name] = true
			names = append(names, name)
		}
	}
	ok := r.read(func(c Reader, now monitor.Instant) {
		for _, name := range names {
			m, ok := c.Master(now, name)
			if !ok {
				continue
			}
			entries := []infoEntry{{m.InfoRefresh, m.Info}}
			replicas, _ := c.Replicas(now, m.Name)
			for _, v := range replicas {
				entries = append(entries, infoEntry{v.InfoRefresh, v.Info})
			}
			found = append(found, cached{m.Name, entries})
		}
	})
	if !ok {
		return
	}
	r.array(2 * len(found))
	for _, m := range found {
		r.bulk(m.name)
		r.array(len(m.entries))
		for _, e := range m.entries {
			r.array(2)
			r.integer(e.age.Milliseconds())
			if e.info == "" {
				r.null()
			} else {
				r.bulkBytes(e.info.Bytes())
			}
		}
	}
}

func cmdIsMasterDown(r *request) {
	more, ok := r.extras()
	if !ok {
		return
	}
	port, ok := r.number(3)
	epoch, ok2 := r.number(4)
	// redis-sentinel takes -1 for the epoch 2^64-1 and never recovers from that.
	if !ok || !ok2 || epoch < 0 {
		r.fail("ERR", notAnInteger)
		return
	}
	id := r.arg(5)
	if id == "*" {
		id = ""
	} else if len(id) > election.RunIDLen || !validName(id) {
		r.fail("ERR", "Invalid runid: at most 40 characters without blanks are expected, or *")
		return
	}
	if port < 0 || port > 65535 {
		port = -1 // no master has this port
	}
	if r.client.asksQuiet(r.args) {
		r.opinion(monitor.Reply{}, extras{})
		return
	}
	host := r.arg(2)
	if ip, ok := numhost.Parse(host); ok {
		host = ip
	}
	p := r.server.engine.Ask(monitor.Ask{IP: host, Port: int(port), Epoch: monitor.Epoch(epoch), RunID: monitor.RunID(id), Lease: more.lease, WantReplicas: more.replicas, Promise: more.promise, Fenced: more.fenced})
	r.later(p.Ready, func(out *reply) {
		if opinion, ok := p.Wait(); ok {
			out.opinion(opinion, more)
		} else {
			out.stopping()
		}
	})
}

// asksQuiet reports whether IS-MASTER-DOWN-BY-ADDR asks, without a vote, for a master
// that is surely not seen as down here: then the loop need not be asked.
func (c *client) asksQuiet(args [][]byte) bool {
	return len(args) == 6 && string(args[5]) == "*" && !c.behind() && c.server.addrs.isQuiet(args[2], args[3])
}

// opinion is the reply to IS-MASTER-DOWN-BY-ADDR.
func (r *reply) opinion(o monitor.Reply, more extras) {
	leader := string(o.Leader)
	if leader == "" {
		leader = "*"
	}
	words := 3
	if more.lease > 0 {
		words++
	}
	if o.Promise.Known {
		words += 3
	}
	r.array(words + 2*len(o.Replicas))
	if o.Down {
		r.integer(1)
	} else {
		r.integer(0)
	}
	r.bulk(leader)
	r.integer(int64(o.Epoch))
	if more.lease > 0 {
		r.integer(o.DownAfter.Milliseconds())
	}
	if o.Promise.Known {
		r.bulk("promise")
		r.integer(o.Promise.For.Milliseconds())
		r.integer(int64(o.Promise.ConfigEpoch))
	}
	for _, at := range o.Replicas {
		r.bulk(at.Host)
		r.integer(int64(at.Port))
	}
}

// extras are what a gosentinel adds to IS-MASTER-DOWN-BY-ADDR when it asks another.
type extras struct {
	lease    time.Duration // of a vote to lead a switchover: LEASE <ms>; 0: there is none
	replicas bool          // asks for the replicas that are known: REPLICAS
	promise  time.Duration // asks for a promise neither to vote nor to stand: PROMISE <ms>; 0: it does not
	fenced   bool          // who asks for that has paused the master: FENCED
}

// extras reads the words after the run id. If it returns false, it has already replied.
func (r *request) extras() (more extras, ok bool) {
	switch {
	case len(r.args) == 6:
		return more, true
	case len(r.args) == 7 && r.is(6, "REPLICAS"):
		return extras{replicas: true}, true
	case len(r.args) == 8 && r.is(6, "LEASE"):
		more.lease, ok = r.shortTime("lease", monitor.MaxLease)
	case (len(r.args) == 8 || len(r.args) == 9 && r.is(8, "FENCED")) && r.is(6, "PROMISE") && r.arg(5) == "*":
		more.fenced = len(r.args) == 9
		more.promise, ok = r.shortTime("promise", monitor.MaxPromise)
	default:
		r.wrongArity()
	}
	return more, ok
}

// shortTime reads the milliseconds after the word. If it returns false, it has already
// replied.
func (r *request) shortTime(what string, longest time.Duration) (time.Duration, bool) {
	ms, ok := r.number(7)
	if !ok || ms < 1 || ms > longest.Milliseconds() {
		r.fail("ERR", fmt.Sprintf("Invalid %s: a number of milliseconds from 1 to %d is expected", what, longest.Milliseconds()))
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}
