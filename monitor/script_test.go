package monitor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/gosentinel/sentinel/election"
)

// TestScripts plays the scenarios of testdata/scripts: one real Core ("me")
// among model servers (s1, s2, ... at 10.0.0.1, 10.0.0.2, ...) and scripted
// Sentinels (p1, p2, ... at 10.0.1.1, ...), in virtual time. A message takes
// 1 ms, a write to the disk 2 ms. testdata/scripts/README explains the commands.
//
// After a change on purpose, rewrite the expected output and read the diff:
//
//	go test ./monitor -run TestScripts -rewrite
func TestScripts(t *testing.T) { playScripts(t, func(*world) {}) }

// playScripts plays them in worlds that prepare has changed.
func playScripts(t *testing.T, prepare func(*world)) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, file string) {
		if !strings.HasSuffix(file, ".txt") {
			return
		}
		var s *script
		datadriven.RunTest(t, file, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "new" {
				s = newScript(t, td, prepare)
			} else if s == nil {
				t.Fatalf("%s: the first command must be new", td.Pos)
			}
			out := s.run(t, td)
			if s.w.check.failed() {
				t.Fatalf("%s: %s\nafter:\n%s", td.Pos, s.w.check.violation, out)
			}
			return out
		})
	})
}

type script struct {
	first     State  // of a file that is rendered anew at each start
	lastSaved string // stateText of the last save
	w         *world
	me        *node
	peers     []*fakePeer
	out       strings.Builder
	show      map[string]bool
	asked     map[string]bool // vote requests shown already
	events    int             // events seen with the name that until waits for
	until     string
}

func newScript(t *testing.T, td *datadriven.TestData, prepare func(*world)) *script {
	s := &script{w: newWorld(1), show: map[string]bool{}, asked: map[string]bool{}}
	prepare(s.w)
	masters, replicas, peers, seed := 1, 2, 2, 1
	td.MaybeScanArgs(t, "masters", &masters)
	td.MaybeScanArgs(t, "replicas", &replicas)
	td.MaybeScanArgs(t, "peers", &peers)
	td.MaybeScanArgs(t, "seed", &seed)

	var state State
	state.Options.MyID = paddedID("me")
	for k := range masters {
		state.Masters = append(state.Masters, &MasterState{MasterConfig: s.config(t, td, k)})
		name := state.Masters[k].Name
		m := s.w.addServer(name, s.serverAddr(1+k*(replicas+1)), HostPort{})
		state.Masters[k].Addr, _ = IPAddr(m.addr.Host, m.addr.Port)
		if td.HasArg("hostnames") {
			state.Options.ResolveHostnames = true
			state.Masters[k].Addr = Addr{Host: fmt.Sprintf("name%d", k+1), Port: m.addr.Port}
			s.w.dns[state.Masters[k].Addr.Host] = []string{m.addr.Host}
		}
		var at string
		if td.MaybeScanArgs(t, "at", &at) {
			state.Masters[k].Addr, _ = IPAddr(at, m.addr.Port)
			m.aliases = append(m.aliases, HostPort{Host: at, Port: m.addr.Port})
		}
		for r := range replicas {
			s.w.addServer(name, s.serverAddr(2+k*(replicas+1)+r), m.addr)
		}
	}
	state.Options.Observe = td.HasArg("observe")
	var known string
	if td.MaybeScanArgs(t, "known", &known) {
		addr, _ := IPAddr(s.host(t, td, known), 6379)
		state.Masters[0].Replicas = append(state.Masters[0].Replicas, addr)
	}
	for range peers {
		p := s.addPeer()
		for k := range state.Masters {
			state.Masters[k].Sentinels = append(state.Masters[k].Sentinels, KnownSentinel{p.ipAddr(), p.id})
		}
	}
	s.first = state
	s.first.Masters = slices.Clone(state.Masters)
	for k, m := range state.Masters {
		first := *m
		first.VoteUnknown, first.Sentinels = true, nil
		s.first.Masters[k] = &first
	}
	if td.HasArg("first-file") {
		state = s.first
	}
	addr, _ := IPAddr("10.0.1.100", 26379)
	s.me = s.w.addNode("me", addr, state)
	s.me.seed = uint64(seed)
	s.me.gossip = td.HasArg("gossip")
	if td.HasArg("policy") {
		s.me.policy = Policy{Allow: true, Choose: true, Phases: td.HasArg("phases"), Refuse: td.HasArg("refuse")}
	}
	s.w.onEffect, s.w.onFence = s.effect, s.fenced
	s.w.onSave = s.save
	return s
}

// config is the configuration of the k-th master, from the arguments of new.
func (s *script) config(t *testing.T, td *datadriven.TestData, k int) MasterConfig {
	cfg := MasterConfig{
		Name: "mymaster", Quorum: 2, DownAfter: time.Second, FailoverTimeout: 20 * time.Second, ParallelSyncs: 1,
	}
	if k > 0 {
		cfg.Name = fmt.Sprintf("master%d", k+1)
	}
	td.MaybeScanArgs(t, "quorum", &cfg.Quorum)
	td.MaybeScanArgs(t, "parallel-syncs", &cfg.ParallelSyncs)
	cfg.NeverLead = td.HasArg("never-lead")
	mode := ""
	td.MaybeScanArgs(t, "isolation-fence", &mode)
	cfg.Guards.IsolationFence = map[string]GuardMode{"on": GuardOn, "report": GuardReport}[mode]
	cfg.DownAfter = duration(t, td, "down-after", cfg.DownAfter)
	cfg.FailoverTimeout = duration(t, td, "failover-timeout", cfg.FailoverTimeout)
	cfg.RebootDownAfter = duration(t, td, "reboot-down-after", 0)
	td.MaybeScanArgs(t, "notification-script", &cfg.NotificationScript)
	td.MaybeScanArgs(t, "client-reconfig-script", &cfg.ClientReconfigScript)
	return cfg
}

func (s *script) serverAddr(k int) HostPort {
	return HostPort{Host: "10.0.0." + strconv.Itoa(k), Port: 6379}
}

func (s *script) addPeer() *fakePeer {
	k := strconv.Itoa(len(s.peers) + 1)
	p := &fakePeer{w: s.w, name: "p" + k, id: paddedID("p" + k), addr: HostPort{Host: "10.0.1." + k, Port: 26379}, ledgers: map[HostPort]*election.Ledger{}, votes: "yes"}
	s.peers = append(s.peers, p)
	s.w.extra = append(s.w.extra, p)
	return p
}

// paddedID makes a run id that the output shows as its short name.
func paddedID(name string) RunID {
	return RunID(name + strings.Repeat("_", election.RunIDLen-len(name)))
}

func short(text string) string { return strings.ReplaceAll(text, "_", "") }

func duration(t *testing.T, td *datadriven.TestData, key string, d time.Duration) time.Duration {
	var text string
	if td.MaybeScanArgs(t, key, &text) {
		d = parseDuration(t, td, text)
	}
	return d
}

func parseDuration(t *testing.T, td *datadriven.TestData, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		td.Fatalf(t, "%v", err)
	}
	return d
}

// run carries out one command and returns what happened meanwhile.
func (s *script) run(t *testing.T, td *datadriven.TestData) string {
	s.out.Reset()
	switch td.Cmd {
	case "new":
		s.begin(t, td)
	case "advance":
		s.w.advance(parseDuration(t, td, td.CmdArgs[0].Key), s.w.check.failed)
	case "until":
		s.playUntil(t, td)
	case "show", "hide":
		for _, a := range td.CmdArgs {
			s.show[a.Key] = td.Cmd == "show"
		}
	case "stall":
		d := parseDuration(t, td, td.CmdArgs[0].Key)
		s.me.paused = s.w.now.Add(d)
		s.w.advance(d, s.w.check.failed)
	case "sleep":
		s.me.input(Stood{By: parseDuration(t, td, td.CmdArgs[0].Key)})
		s.w.advance(time.Millisecond, s.w.check.failed)
	case "crash":
		s.me.crash()
	case "restart":
		if err := s.me.boot(); err != nil {
			td.Fatalf(t, "%v", err)
		}
	case "first-file":
		s.me.crash()
		s.me.disk.durable = s.first
		delete(s.w.check.told, s.me.name)
		for _, m := range s.first.Masters {
			delete(s.w.check.toldCfg, nodeMaster{s.me.name, m.Name})
		}
		if err := s.me.boot(); err != nil {
			td.Fatalf(t, "%v", err)
		}
	case "server":
		s.server(t, td)
	case "peer":
		s.peer(t, td)
	case "hello":
		s.hello(t, td)
	case "gossip":
		s.gossip(t, td)
	case "ask":
		s.ask(t, td)
	case "disk":
		s.disk(t, td)
	case "cut":
		s.w.cutBoth(s.host(t, td, td.CmdArgs[0].Key), s.host(t, td, td.CmdArgs[1].Key))
	case "heal":
		s.w.heal()
	case "dns":
		for _, a := range td.CmdArgs {
			s.w.dns[a.Key] = nil
			for _, v := range a.Vals {
				if host := s.host(t, td, v); host != "" {
					s.w.dns[a.Key] = append(s.w.dns[a.Key], host)
				}
			}
		}
	case "call":
		s.call(t, td)
	case "answer":
		s.answerPolicy(t, td)
	case "masters", "replicas", "sentinels":
		s.view(td.Cmd)
	default:
		td.Fatalf(t, "unknown command %q", td.Cmd)
	}
	s.w.advance(0, s.w.check.failed)
	if s.out.Len() == 0 {
		return "ok\n"
	}
	return s.out.String()
}

// begin boots the core; settled means that the first three seconds, in which it
// gets to know the servers, are not shown.
func (s *script) begin(t *testing.T, td *datadriven.TestData) {
	var epoch uint64
	if td.MaybeScanArgs(t, "epoch", &epoch) {
		s.me.disk.durable.CurrentEpoch = Epoch(epoch)
		for _, p := range s.peers {
			p.epoch = Epoch(epoch)
		}
	}
	if err := s.me.boot(); err != nil {
		td.Fatalf(t, "%v", err)
	}
	if td.HasArg("settled") {
		s.w.advance(3*time.Second, s.w.check.failed)
		s.out.Reset()
	}
}

func (s *script) playUntil(t *testing.T, td *datadriven.TestData) {
	limit := duration(t, td, "max", time.Minute)
	s.until, s.events = td.CmdArgs[0].Key, 0
	s.w.advance(limit, func() bool { return s.events > 0 || s.w.check.failed() })
	if s.events == 0 && !s.w.check.failed() {
		td.Fatalf(t, "no %s within %v, only:\n%s", s.until, limit, s.out.String())
	}
	s.until = ""
}

// line prints one thing that happened.
func (s *script) line(format string, args ...any) {
	fmt.Fprintf(&s.out, "%7.3f  %s\n", s.w.uptime().Seconds(), short(fmt.Sprintf(format, args...)))
}

// effect prints what the core does, without the regular traffic.
func (s *script) effect(_ *node, e Effect) {
	switch e := e.(type) {
	case Emit:
		if e.Event.Name() == s.until {
			s.events++
		}
		if e.Event.Level() > LevelDebug || s.show["links"] {
			s.line("%s", eventText(e.Event))
		}
	case Send:
		s.sent(e)
	case CallResult:
		switch {
		case e.Err != nil:
			s.line("result: -%v", e.Err)
		case e.Count > 0:
			s.line("result: %d", e.Count)
		case e.Text != "":
			s.line("result: +OK %s", e.Text)
		default:
			s.line("result: +OK")
		}
	case Log:
		s.line("log: %s", e.Text)
	case FailoverDelayed:
		s.line("next attempt for %s not before %.3f", e.Master, e.Until.Sub(origin).Seconds())
	case AskPolicy:
		s.line("policy, %d: may %s be failed over? ordered %t, planned %t, epoch %d", e.Seq, e.Attempt.Master, e.Attempt.Ordered, e.Attempt.Planned, e.Attempt.Epoch)
	case AskChoice:
		s.line("policy, %d: which one?", e.Seq)
		for _, r := range e.Candidates {
			s.line("    %s priority %d offset %d, %d behind, %s %s", s.nameOf(r.Addr.Host), r.Priority, r.Offset, r.Behind, r.Data, r.Verdict)
		}
	case PolicyPhase:
		s.line("policy: %s of epoch %d", e.Phase, e.Attempt.Epoch)
	case RunScript:
		s.line("run %s %s", e.Path, strings.Join(e.Args, " "))
	case ShareOpinion:
		text := "up"
		if e.Down {
			text = fmt.Sprintf("down since %.3f", e.Since.Sub(origin).Seconds())
		}
		s.line("gossip: %s at %s is %s, config %d", e.Master, e.Addr.Host, text, e.ConfigEpoch)
	case ShareConfig:
		s.line("gossip: %s is %s:%d since epoch %d", e.Hello.MasterName, e.Hello.MasterIP, e.Hello.MasterPort, e.Hello.ConfigEpoch)
	case GossipPeer:
		if e.Endpoint == (GossipEndpoint{}) {
			s.line("gossip: without %s", e.ID)
		} else {
			s.line("gossip: with %s at %s, boot %s", e.ID, e.Endpoint.Addr, e.Endpoint.Boot)
		}
	case Dial:
		if s.show["links"] && e.Kind != ConnFence {
			s.line("dial %s", e.Addr)
		}
	case Close:
		if cn := s.me.wires[e.Conn]; s.show["links"] && (cn == nil || cn.kind != ConnFence) {
			s.line("close a connection")
		}
	case Note:
		if s.show["notes"] {
			s.note(e)
		}
	}
}

// note shows what the core knew, with instants as seconds.
func (s *script) note(n Note) {
	switch f := n.Fact.(type) {
	case DownFact:
		s.line("note: down since %.3f, cause %d (%s); heard at %.3f", f.Since.Sub(origin).Seconds(), f.Cause, f.Detail, f.OffsetAt.Sub(origin).Seconds())
	case CandidatesFact:
		for _, r := range f.Replicas {
			mark := " "
			if r.Chosen {
				mark = "*"
			}
			s.line("note:%s%s %s, priority %d, offset %d: %s", mark, r.Addr, r.Data, r.Priority, r.Offset, r.Verdict)
		}
	default:
		s.line("note: %T%+v", f, f)
	}
}

func eventText(e Event) string {
	return strings.TrimSpace(e.Name() + " " + string(e.AppendText(nil)))
}

// fenced shows what a server gets over a fence: nearly all attempts to open one are in vain.
func (s *script) fenced(cn *wire, e Send) {
	if _, info := e.Cmd.(InfoRequest); cn.from == s.me && (!info || s.show["info"]) {
		s.sentTo(s.nameOf(cn.host), e)
	}
}

func (s *script) sent(e Send) {
	to := "?"
	if cn := s.me.wires[e.Conn]; cn != nil {
		if to = s.nameOf(cn.host); cn.kind == ConnFence {
			return
		}
	}
	s.sentTo(to, e)
}

func (s *script) sentTo(to string, e Send) {
	switch cmd := e.Cmd.(type) {
	case SlaveOf:
		switch {
		case cmd.Host == "":
			s.line("=> %s: SLAVEOF NO ONE%s", to, plain(cmd))
		default:
			s.line("=> %s: SLAVEOF %s %d%s", to, cmd.Host, cmd.Port, plain(cmd))
		}
	case AskMasterDown:
		text := fmt.Sprintf("=> %s: is %s:%d down? epoch %d", to, cmd.IP, cmd.Port, cmd.Epoch)
		if cmd.RunID != "" {
			text += ", vote for " + string(cmd.RunID)
		}
		if cmd.Lease > 0 {
			text += ", lease " + cmd.Lease.String()
		}
		if cmd.Promise > 0 {
			text += ", promise " + cmd.Promise.String()
			if cmd.Fenced {
				text += ", it is paused"
			}
		}
		if s.show["ask"] || (cmd.RunID != "" && !s.asked[text]) {
			s.line("%s", text)
		}
		s.asked[text] = true
	case PublishHello:
		if h := cmd.Hello; s.show["hello"] {
			s.line("=> %s: hello, epoch %d, %s is %s:%d since epoch %d", to, h.CurrentEpoch, h.MasterName, h.MasterIP, h.MasterPort, h.ConfigEpoch)
		}
	case InfoRequest:
		if s.show["info"] {
			s.line("=> %s: INFO", to)
		}
	case PassPause:
		word := "PAUSE-FAILOVER"
		if cmd.Pause.Resumed {
			word = "RESUME-FAILOVER"
		}
		s.line("=> %s: %s %s %s version %d by %s", to, word, cmd.Master, cmd.Left.Round(time.Millisecond), cmd.Pause.Version, short(string(cmd.Pause.By)))
	case PassForget:
		s.line("=> %s: FORGET %s %s %s version %d by %s", to, cmd.Master, short(cmd.Tombstone.what()), cmd.Left.Round(time.Millisecond), cmd.Tombstone.Version, short(string(cmd.Tombstone.By)))
	case AskGossip:
		if s.show["gossip"] {
			s.line("=> %s: SENTINEL GOSSIP", to)
		}
	case Ping:
		if s.show["ping"] {
			s.line("=> %s: PING", to)
		}
	case ScriptKill:
		s.line("=> %s: SCRIPT KILL", to)
	case PauseWrites:
		s.line("=> %s: CLIENT PAUSE %d WRITE", to, cmd.For.Milliseconds())
	case Unpause:
		s.line("=> %s: CLIENT UNPAUSE", to)
	case KillClients:
		s.line("=> %s: CLIENT KILL TYPE %s", to, map[bool]string{true: "pubsub", false: "normal"}[cmd.PubSub])
	case RewriteConfig:
		s.line("=> %s: CONFIG REWRITE", to)
	}
}

func plain(cmd SlaveOf) string {
	switch {
	case cmd.Bare:
		return " alone"
	case cmd.Plain:
		return " (without MULTI)"
	}
	return ""
}

func (s *script) nameOf(host string) string {
	if k, ok := strings.CutPrefix(host, "10.0.0."); ok {
		return "s" + k
	}
	if k, ok := strings.CutPrefix(host, "10.0.1."); ok {
		return "p" + k
	}
	return host
}

// save prints a write that something waits for, with what waits for it.
func (s *script) save(_ *node, p *Persist) {
	var held []string
	for _, e := range p.Then {
		switch e := e.(type) {
		case Emit:
			held = append(held, e.Event.Name())
		case Reply:
			held = append(held, "the reply")
		case CallResult:
			held = append(held, "the result")
		case RunScript:
			held = append(held, "a script")
		}
	}
	text := stateText(p.State)
	news := text != s.lastSaved // not just another member or option
	s.lastSaved = text
	switch {
	case len(held) > 0:
		s.line("save %s; then %s", text, strings.Join(held, ", "))
	case news || s.show["save"]:
		s.line("save %s", text)
	}
}

func stateText(state State) string {
	b := fmt.Sprintf("epoch %d", state.CurrentEpoch)
	for _, m := range state.Masters {
		b += fmt.Sprintf(", %s=%s config %d vote %d", m.Name, m.Addr.Host, m.ConfigEpoch, m.LeaderEpoch)
	}
	return b
}

func (s *script) host(t *testing.T, td *datadriven.TestData, name string) string {
	switch {
	case name == "none":
		return ""
	case name == "me":
		return s.me.addr.Host
	case strings.HasPrefix(name, "127."):
		return name
	case strings.HasPrefix(name, "s"):
		return "10.0.0." + name[1:]
	case strings.HasPrefix(name, "p"):
		return "10.0.1." + name[1:]
	}
	td.Fatalf(t, "unknown host %q", name)
	return ""
}

// server changes what a model server does: server s1 crash.
func (s *script) server(t *testing.T, td *datadriven.TestData) {
	r := s.w.server(HostPort{Host: s.host(t, td, td.CmdArgs[0].Key), Port: 6379})
	if r == nil {
		td.Fatalf(t, "no server %s", td.CmdArgs[0].Key)
	}
	for _, a := range td.CmdArgs[1:] {
		switch a.Key {
		case "crash":
			r.crash()
		case "start":
			r.start(false)
		case "start-empty":
			r.start(true)
		case "hang":
			r.hung = true
		case "resume":
			r.resume()
		case "kill-clients":
			s.w.resetAll(r, nil, ConnCommand, ConnPubSub, ConnFence)
		case "still-lists":
			r.stillLists = HostPort{Host: s.host(t, td, a.SingleVal(t)), Port: 6379}
			if r.stillLists.Host == "" {
				r.stillLists = HostPort{}
			}
		case "list-lag":
			n, err := strconv.Atoi(a.SingleVal(t))
			if err != nil {
				td.Fatalf(t, "%v", err)
			}
			r.listLag = n
		case "door":
			r.door = strings.TrimPrefix(a.SingleVal(t), "open")
		case "kill-pubsub":
			s.w.resetAll(r, nil, ConnPubSub)
		case "kill-fence":
			s.w.resetAll(r, nil, ConnFence)
		case "deaf":
			r.deaf = true
		case "aborts":
			r.aborts = true
		case "no-pause":
			r.noPause = a.SingleVal(t)
		case "no-unpause":
			r.noUnpause = strings.TrimPrefix(a.SingleVal(t), "nothing")
		case "no-kill":
			r.noKill = a.SingleVal(t)
		case "no-rewrite":
			r.noRewrite = strings.TrimPrefix(a.SingleVal(t), "nothing")
		case "modules":
			r.modules = true
		case "late":
			r.late = a.SingleVal(t) == "yes"
		case "refuses":
			r.refuses = strings.TrimPrefix(a.SingleVal(t), "nothing")
		case "alias":
			r.aliases = append(r.aliases, HostPort{Host: s.host(t, td, a.SingleVal(t)), Port: r.addr.Port})
		case "anonymous":
			r.anonymous = true
		case "mute":
			r.mute = true
		case "loading":
			r.loading = a.SingleVal(t) == "yes"
		case "handing":
			r.handing = a.SingleVal(t) == "yes"
		case "syncing":
			r.syncing = a.SingleVal(t) == "yes"
		case "role":
			r.follow(HostPort{})
		case "follow":
			r.follow(HostPort{Host: s.host(t, td, a.SingleVal(t)), Port: 6379})
		case "nobody": // as a switchover leaves the old master
			r.follow(nobody)
		case "priority":
			a.Scan(t, 0, &r.priority)
		case "offset":
			a.Scan(t, 0, &r.offset)
		case "keys":
			r.keys = a.SingleVal(t) == "yes"
		case "saves":
			r.saves = true
		case "never-loaded":
			r.unread = true
		case "saved": // an RDB, for itself
			r.disk.Saved, r.disk.Changes, r.disk.Counted = r.disk.Saved+2, 0, true
		case "write": // one key
			for _, o := range append(r.attached(), r) {
				o.disk.Changes++
			}
		case "start-from-same-rdb":
			r.start(false)
			r.newHistory()
			r.offset = r.second - 1
		case "saved-to-send":
			r.disk.Saved, r.disk.Changes, r.disk.Counted = r.disk.Saved+2, 0, true
			r.disk.Syncs++
		case "read":
			a.Scan(t, 0, &r.read)
		case "second":
			a.Scan(t, 0, &r.second)
		case "start-from-rdb": // written when the offset was that
			var saved uint64
			a.Scan(t, 0, &saved)
			r.start(false)
			r.hist2, r.second, r.offset = r.hist, saved+1, saved
			r.newHistory()
		case "start-from-past": // an RDB of before its master was promoted, when the offset was that
			r.start(false)
			r.neverSync = true
			a.Scan(t, 0, &r.offset)
			r.hist = s.w.endpoint(r.following).(*redis).hist2
		case "start-from-aof":
			r.start(false)
			r.newHistory()
			r.offset, r.neverSync = 0, r.role == RoleReplica
		case "new-history":
			r.newHistory()
		case "stuck":
			r.stuck = s.w.now
		case "sync":
			r.syncTime = parseDuration(t, td, a.SingleVal(t))
		case "slow-info":
			r.slowInfo = parseDuration(t, td, a.SingleVal(t))
		case "info":
			r.badInfo = a.SingleVal(t)
		case "ping":
			r.ping = pingReplies[a.SingleVal(t)]
		default:
			td.Fatalf(t, "a server cannot %q", a.Key)
		}
	}
}

var pingReplies = map[string]PingReply{
	"pong": PingPong, "loading": PingLoading, "masterdown": PingMasterDown, "busy": PingBusy, "other": PingOther,
}

// fakePeer is a scripted Sentinel. It answers questions as the script says.
type fakePeer struct {
	boot    string // "": does not know gossip
	w       *world
	name    string
	id      RunID
	addr    HostPort
	down    bool
	hung    bool
	sees    bool   // that the master is down
	votes   string // "yes": by the rule; "no": never; "stale": by the rule, at the epoch before; else always for that id
	epoch   Epoch
	ledgers map[HostPort]*election.Ledger
	waiting []func()

	downAfter     time.Duration // told when asked with a lease
	knows         []HostPort    // told when asked for replicas
	refusesPauses string        // the error; "": it takes them

	heard    Epoch  // config epoch of the hellos that it has got
	config   string // config epoch that it tells: a number, "mute" for none, "": what it has heard
	promises string // yes, no, off (the answer says nothing of it) or unknown (an error)
	newer    Epoch  // config epoch that it tells with a promise
	pending  election.Ledger
}

func (p *fakePeer) at() HostPort    { return p.addr }
func (p *fakePeer) listening() bool { return !p.down }

func (p *fakePeer) ipAddr() Addr {
	a, _ := IPAddr(p.addr.Host, p.addr.Port)
	return a
}

func (p *fakePeer) receive(cn *wire, in Send) {
	if p.hung {
		p.waiting = append(p.waiting, func() { p.receive(cn, in) })
		return
	}
	switch cmd := in.Cmd.(type) {
	case Ping:
		cn.carry(toNode, func() { cn.from.input(Pong{cn.id, PingPong}) })
	case PublishHello:
		p.epoch = max(p.epoch, cmd.Hello.CurrentEpoch)
		p.heard = max(p.heard, cmd.Hello.ConfigEpoch)
		cn.carry(toNode, func() { cn.from.input(PublishReply{cn.id, in.Token, true}) })
	case AskGossip:
		reply := GossipReply{Conn: cn.id, Token: in.Token, Known: p.boot != "", Denied: p.boot == "denied"}
		if reply.Known {
			reply.Endpoint = GossipEndpoint{ID: p.id, Addr: HostPort{Port: 36379}, Boot: p.boot}
		}
		cn.carry(toNode, func() { cn.from.input(reply) })
	case AskConfig:
		reply := ConfigReply{Conn: cn.id, Token: in.Token, OK: p.config != "mute"}
		if at, err := strconv.ParseUint(p.config, 10, 64); err == nil {
			reply.Epoch = Epoch(at)
		} else {
			reply.Epoch = p.heard
		}
		cn.carry(toNode, func() { cn.from.input(reply) })
	case PassForget:
		cn.carry(toNode, func() { cn.from.input(CommandDone{Conn: cn.id, Token: in.Token, Refused: p.refusesPauses}) })
	case PassPause:
		cn.carry(toNode, func() { cn.from.input(CommandDone{Conn: cn.id, Token: in.Token, Refused: p.refusesPauses}) })
	case AskMasterDown:
		reply := p.answer(cmd)
		reply.Conn, reply.Token = cn.id, in.Token
		cn.carry(toNode, func() { cn.from.input(reply) })
	}
}

func (p *fakePeer) answer(q AskMasterDown) AskReply {
	l := p.ledgers[HostPort{Host: q.IP, Port: q.Port}]
	if l == nil {
		l = &election.Ledger{}
		p.ledgers[HostPort{Host: q.IP, Port: q.Port}] = l
	}
	r := AskReply{OK: true, Down: p.sees}
	if q.Promise != 0 {
		return p.promise(r, q)
	}
	if q.Lease != 0 {
		r.DownAfter = p.downAfter
	}
	if q.WantReplicas {
		r.Replicas = p.knows
	}
	switch {
	case q.RunID == "" || p.votes == "no":
	case p.votes == "yes":
		l.Vote(&p.epoch, q.Epoch, q.RunID)
		r.Leader, r.Epoch = l.For, l.Epoch
	case p.votes == "stale":
		r.Leader, r.Epoch = q.RunID, q.Epoch-1
	default:
		r.Leader, r.Epoch = paddedID(p.votes), q.Epoch
	}
	return r
}

// promise answers a question with PROMISE.
func (p *fakePeer) promise(r AskReply, q AskMasterDown) AskReply {
	switch p.promises {
	case "unknown":
		return AskReply{}
	case "off":
		return r
	}
	r.Promise = Promise{Known: true, ConfigEpoch: p.newer}
	r.Leader, r.Epoch = p.pending.For, p.pending.Epoch
	if p.promises != "no" {
		r.Promise.For = q.Promise
	}
	return r
}

// peer changes what a scripted Sentinel does: peer p1 sees=down votes=no.
func (s *script) peer(t *testing.T, td *datadriven.TestData) {
	for _, name := range strings.Split(td.CmdArgs[0].Key, "+") {
		p := s.peerNamed(t, td, name)
		for _, a := range td.CmdArgs[1:] {
			switch a.Key {
			case "sees":
				p.sees = a.SingleVal(t) == "down"
			case "votes":
				p.votes = a.SingleVal(t)
			case "down-after":
				p.downAfter = parseDuration(t, td, a.SingleVal(t))
			case "knows":
				p.knows = append(p.knows, HostPort{Host: s.host(t, td, a.SingleVal(t)), Port: 6379})
			case "hang":
				p.hung = true
			case "resume":
				p.hung = false
				waiting := p.waiting
				p.waiting = nil
				for _, do := range waiting {
					do()
				}
			case "crash":
				p.down, p.hung, p.waiting = true, false, nil
				s.w.resetAll(p, nil, ConnCommand)
			case "config":
				p.config = a.SingleVal(t)
			case "promises":
				p.promises = a.SingleVal(t)
			case "newer":
				p.newer = scanEpoch(t, td, a.SingleVal(t))
			case "voted": // for whom and when: a vote that may still lead to a promotion
				p.pending = election.Ledger{Epoch: scanEpoch(t, td, a.Vals[1])}
				if a.Vals[0] != "?" {
					p.pending.For = paddedID(a.Vals[0])
				}
			case "no-pauses":
				p.refusesPauses = "ERR unknown subcommand"
			case "pauses":
				p.refusesPauses = ""
			case "start":
				p.down = false
			case "id": // lost its state
				p.id, p.ledgers = paddedID(a.SingleVal(t)), map[HostPort]*election.Ledger{}
			case "gossips": // from the next start on, with this boot number
				p.boot = a.SingleVal(t)
			default:
				td.Fatalf(t, "a peer cannot %q", a.Key)
			}
		}
	}
}

func (s *script) peerNamed(t *testing.T, td *datadriven.TestData, name string) *fakePeer {
	for _, p := range s.peers {
		if p.name == name {
			return p
		}
	}
	if name != fmt.Sprintf("p%d", len(s.peers)+1) {
		td.Fatalf(t, "no peer %q", name)
	}
	return s.addPeer()
}

// hello delivers a hello message of a peer. The defaults are what an honest
// peer that knows nothing new would say.
func (s *script) hello(t *testing.T, td *datadriven.TestData) {
	p := s.peerNamed(t, td, td.CmdArgs[0].Key)
	h := Hello{IP: p.addr.Host, Port: p.addr.Port, RunID: p.id, CurrentEpoch: p.epoch, MasterName: "mymaster"}
	td.MaybeScanArgs(t, "master", &h.MasterName)
	if v, ok := s.me.core.Master(s.w.now, h.MasterName); ok {
		h.MasterIP, h.MasterPort, h.ConfigEpoch = v.Current.Host, v.Current.Port, v.ConfigEpoch
	}
	var via ConnID
	for _, a := range td.CmdArgs[1:] {
		switch a.Key {
		case "master":
		case "via": // a server's channel
			for _, cn := range s.w.wires {
				if cn.from == s.me && cn.kind == ConnPubSub && cn.open && cn.host == s.host(t, td, a.SingleVal(t)) {
					via = cn.id
				}
			}
		case "epoch":
			h.CurrentEpoch = scanEpoch(t, td, a.SingleVal(t))
			p.epoch = h.CurrentEpoch
		case "config":
			h.ConfigEpoch = scanEpoch(t, td, a.SingleVal(t))
		case "at":
			h.MasterIP, h.MasterPort = s.host(t, td, a.SingleVal(t)), 6379
		case "host": // may be a name
			h.MasterIP = a.SingleVal(t)
		case "port":
			a.Scan(t, 0, &h.MasterPort)
		case "ip":
			h.IP = a.SingleVal(t)
		case "own-port": // of the Sentinel
			a.Scan(t, 0, &h.Port)
		case "id":
			h.RunID = paddedID(a.SingleVal(t))
		default:
			td.Fatalf(t, "a hello has no %q", a.Key)
		}
	}
	s.me.input(HelloReceived{Conn: via, Hello: h})
}

// gossip delivers what a peer says over gossip: gossip p1 down [at=s1] [config=1]
// or alive, gone, or a configuration: gossip p1 config=1 at=s2 epoch=1.
func (s *script) gossip(t *testing.T, td *datadriven.TestData) {
	p := s.peerNamed(t, td, td.CmdArgs[0].Key)
	o := PeerOpinion{From: p.id, Master: "mymaster", Addr: HostPort{Host: "10.0.0.1", Port: 6379}}
	h := Hello{IP: p.addr.Host, Port: p.addr.Port, RunID: p.id, MasterName: "mymaster"}
	for _, a := range td.CmdArgs[2:] {
		switch a.Key {
		case "at":
			o.Addr.Host = s.host(t, td, a.SingleVal(t))
		case "config":
			o.ConfigEpoch = scanEpoch(t, td, a.SingleVal(t))
		case "epoch":
			h.CurrentEpoch = scanEpoch(t, td, a.SingleVal(t))
		case "master":
			o.Master = a.SingleVal(t)
		default:
			td.Fatalf(t, "gossip has no %q", a.Key)
		}
	}
	switch what := td.CmdArgs[1].Key; what {
	case "up", "down":
		o.Down = what == "down"
		s.me.input(o)
	case "alive", "gone":
		s.me.input(PeerLiveness{ID: p.id, Alive: what == "alive"})
	case "config":
		h.MasterName, h.MasterIP, h.MasterPort = o.Master, o.Addr.Host, o.Addr.Port
		h.ConfigEpoch = scanEpoch(t, td, td.CmdArgs[1].SingleVal(t))
		s.me.input(PeerConfig{h})
	default:
		td.Fatalf(t, "nobody gossips %q", what)
	}
}

func scanEpoch(t *testing.T, td *datadriven.TestData, text string) Epoch {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		td.Fatalf(t, "%v", err)
	}
	return Epoch(n)
}

// ask has a peer ask the core: ask p1 epoch=5 vote=p1. Without vote it asks for
// an opinion only.
func (s *script) ask(t *testing.T, td *datadriven.TestData) {
	name := td.CmdArgs[0].Key
	q := Ask{IP: "10.0.0.1", Port: 6379}
	for _, a := range td.CmdArgs[1:] {
		switch a.Key {
		case "epoch":
			q.Epoch = scanEpoch(t, td, a.SingleVal(t))
		case "vote":
			q.RunID = paddedID(a.SingleVal(t))
		case "about":
			q.IP = s.host(t, td, a.SingleVal(t))
		case "host":
			q.IP = a.SingleVal(t)
		case "lease":
			q.Lease = parseDuration(t, td, a.SingleVal(t))
		case "replicas":
			q.WantReplicas = true
		case "promise":
			q.Promise = parseDuration(t, td, a.SingleVal(t))
		case "fenced":
			q.Fenced = true
		default:
			td.Fatalf(t, "a question has no %q", a.Key)
		}
	}
	answered := false
	s.me.ask(q, func(r Reply) {
		answered = true
		leader := "*"
		if r.Leader != "" {
			leader = string(r.Leader)
		}
		told := ""
		if r.DownAfter != 0 {
			told = fmt.Sprintf(", down-after %v", r.DownAfter)
		}
		if r.Promise.Known {
			told += fmt.Sprintf(", promise %v, config %d", r.Promise.For, r.Promise.ConfigEpoch)
		}
		for _, at := range r.Replicas {
			told += ", replica " + s.nameOf(at.Host)
		}
		s.line("<= %s: down %t, vote %s@%d%s", name, r.Down, leader, r.Epoch, told)
	})
	s.w.advance(0, s.w.check.failed)
	if !answered {
		s.line("%s waits for the disk", name)
	}
}

// disk changes the disk, or shows what is durable: disk fail="no space".
func (s *script) disk(t *testing.T, td *datadriven.TestData) {
	for _, a := range td.CmdArgs {
		switch a.Key {
		case "takes":
			d := parseDuration(t, td, a.SingleVal(t))
			s.me.disk.latency = func() time.Duration { return d }
		case "fail":
			s.me.disk.broken = strings.Join(a.Vals, " ")
		case "ok":
			s.me.disk.broken = ""
		default:
			td.Fatalf(t, "a disk cannot %q", a.Key)
		}
	}
	if len(td.CmdArgs) == 0 {
		s.line("durable: %s", stateText(s.me.disk.durable))
	}
}

// answerPolicy is what the program answers: answer 1 go, answer 1 veto reason=kernel,
// answer 1 delay=5s, answer 1 failed=why, answer 2 order=s3+s2.
func (s *script) answerPolicy(t *testing.T, td *datadriven.TestData) {
	seq, err := strconv.ParseUint(td.CmdArgs[0].Key, 10, 64)
	if err != nil {
		td.Fatalf(t, "%v", err)
	}
	var reason, failed, order string
	td.MaybeScanArgs(t, "reason", &reason)
	td.MaybeScanArgs(t, "failed", &failed)
	if td.MaybeScanArgs(t, "order", &order) || td.HasArg("no-order") {
		in := ChoiceAnswer{Seq: seq, Failed: failed}
		for _, name := range strings.FieldsFunc(order, func(r rune) bool { return r == '+' }) {
			in.Order = append(in.Order, HostPort{Host: s.host(t, td, name), Port: 6379})
		}
		s.me.input(in)
		return
	}
	in := PolicyAnswer{Seq: seq, Reason: reason, Failed: failed, For: duration(t, td, "delay", 0)}
	switch {
	case td.HasArg("veto"):
		in.Verdict = PolicyVeto
	case td.HasArg("delay"):
		in.Verdict = PolicyDelay
	}
	s.me.input(in)
}

// call is an operator's command: call failover mymaster.
func (s *script) call(t *testing.T, td *datadriven.TestData) {
	op, arg := td.CmdArgs[0].Key, "mymaster"
	if len(td.CmdArgs) > 1 {
		arg = td.CmdArgs[1].Key
	}
	var o Op
	switch op {
	case "failover":
		op := FailoverOp{Name: arg}
		if td.HasArg("force") {
			op.Mode = FailoverForced
		}
		if td.HasArg("coordinated") {
			op.Mode = FailoverCoordinated
		}
		if at := ""; td.HasArg("to") {
			td.ScanArgs(t, "to", &at)
			op.To = HostPort{Host: s.host(t, td, at), Port: 6379}
		}
		o = op
	case "pause", "resume":
		o = s.pauseOp(t, td, PauseOp{Name: arg, Resume: op == "resume"})
	case "reset":
		o = ResetOp{arg}
	case "remove":
		o = RemoveOp{arg}
	case "flush":
		o = FlushOp{}
	case "forget":
		o = s.forgetOp(t, td, ForgetOp{Name: arg, Force: td.HasArg("force")})
	case "replica":
		at := ""
		td.ScanArgs(t, "at", &at)
		o = ReplicaOp{Name: arg, At: HostPort{Host: s.host(t, td, at), Port: 6379}}
	case "monitor":
		at := "s1"
		td.MaybeScanArgs(t, "at", &at)
		addr, _ := IPAddr(s.host(t, td, at), 6379)
		o = MonitorOp{MasterConfig{Name: arg, Addr: addr, Quorum: 2, DownAfter: time.Second, FailoverTimeout: 20 * time.Second}}
	case "set":
		o = s.setOp(t, td, arg)
	case "sentinel-pass":
		o = ConfigSetOp{[]Change{{Option: op, Values: []string{arg}}}}
	case "announce-ip":
		o = ConfigSetOp{[]Change{{Option: op, Values: []string{arg}}}}
	default:
		td.Fatalf(t, "unknown call %q", op)
	}
	s.me.input(Call{From: 1, Op: o})
}

// pauseOp is call pause mymaster for=1m reason=kernel, and with version=7 by=p1 what a
// peer passes on.
func (s *script) pauseOp(t *testing.T, td *datadriven.TestData, op PauseOp) Op {
	var by string
	op.For = duration(t, td, "for", 0)
	td.MaybeScanArgs(t, "reason", &op.Reason)
	td.MaybeScanArgs(t, "version", &op.Version)
	if td.MaybeScanArgs(t, "by", &by) {
		op.By = paddedID(by)
	}
	return op
}

func (s *script) setOp(t *testing.T, td *datadriven.TestData, name string) Op {
	o := SetOp{Name: name}
	for _, a := range td.CmdArgs[2:] {
		o.Changes = append(o.Changes, Change{Option: a.Key, Values: []string{a.SingleVal(t)}})
	}
	return o
}

// forgetOp is call forget mymaster member=s2 or member=p1, and with version=7 by=p1 what a
// peer passes on.
func (s *script) forgetOp(t *testing.T, td *datadriven.TestData, op ForgetOp) Op {
	member, by := "", ""
	td.ScanArgs(t, "member", &member)
	if strings.HasPrefix(member, "p") || member == "me" {
		op.ID = paddedID(member)
	} else {
		op.At = HostPort{Host: s.host(t, td, member), Port: 6379}
	}
	op.For = duration(t, td, "for", 0)
	if td.MaybeScanArgs(t, "version", &op.Version) && td.MaybeScanArgs(t, "by", &by) {
		op.By = paddedID(by)
	}
	return op
}

// view prints what operators see.
func (s *script) view(what string) {
	row := func(v InstanceView, more string) {
		fmt.Fprintf(&s.out, "%s %s %s%s\n", short(v.Name), v.Addr, v.Flags, more)
	}
	for _, m := range s.me.core.Masters(s.w.now) {
		switch what {
		case "masters":
			row(m.InstanceView, fmt.Sprintf(" config %d, clients go to %s, failover %s, %d replicas, %d/%d Sentinels usable",
				m.ConfigEpoch, m.Current, m.FailoverState, m.Replicas, m.UsableSentinels, m.OtherSentinels+m.Unreachable+1))
		case "replicas":
			rs, _ := s.me.core.Replicas(s.w.now, m.Name)
			for _, r := range rs {
				link := "down"
				if r.MasterLinkUp {
					link = "up"
				}
				row(r.InstanceView, fmt.Sprintf(" follows %s link %s priority %d", HostPort{Host: r.MasterHost, Port: r.MasterPort}, link, r.Priority))
			}
		case "sentinels":
			ps, _ := s.me.core.Sentinels(s.w.now, m.Name)
			for _, p := range ps {
				row(p.InstanceView, fmt.Sprintf(" of %s, link shared by %d", m.Name, p.LinkRefs))
			}
		}
	}
}
