package mutants

// switchover are those of a planned switchover.
var switchover = []Mutation{
	{
		Name: "offset of the master read before the pause", Why: "what it writes until the pause is lost where it cannot be demoted first",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/switchover_steps.go", "s.end, s.poll, s.proof = max(s.end, m.info.MasterOffset, m.info.Offset), poll{}, c.lastSeq", "s.end, s.poll, s.proof = s.probe.offset, poll{}, c.lastSeq"},
		},
	},
	{
		Name: "replication id not compared", Why: "an offset in another history says nothing about the data",
		By: ByTest, Test: [2]string{"./election", "Has|Lineage|Table"},
		Edits: []Edit{{"election/lineage.go", "case d.ReplID == id:", "case d.ReplID != \"\":"}},
	},
	{
		Name: "second driver goes on", Why: "two operators on two sides of a broken network make two masters",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/role.go", "case in.Already && i.kind == KindMaster", "case false && i.kind == KindMaster"}},
	},
	{
		Name: "read offset taken for the applied one", Why: "what is read and not applied is dropped by the promotion",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage.go", "d.Offset = r.offset\n", "d.Offset = r.offset\n\t\tif r.info != nil {\n\t\t\td.Offset = r.info.ReadOffset\n\t\t}\n"}},
	},
	{
		Name: "pause on the target", Why: "it does not apply the stream of its master while it is paused",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover_steps.go", "s.pause.seq = c.sendOrder(&m.instance, PauseWrites{For: s.pause.length}, now.Add(c.stepTime(s)))", "s.pause.seq = c.sendOrder(&m.instance, PauseWrites{For: s.pause.length}, now.Add(c.stepTime(s)))\n\t\tc.sendFor(&m.promoted.instance, PauseWrites{For: s.pause.length})"}},
	},
	{
		Name: "pause longer than half of the smallest down-after", Why: "other Sentinels take the master for down",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover.go", "return min(maxPause, shortest/2)", "return min(maxPause, shortest)"}},
	},
	{
		Name: "hello behind the pause", Why: "it holds up the PINGs of its connection",
		Edits: []Edit{{"monitor/switchover_steps.go", "c.holdHellos(&m.instance, now.Add(2*s.pause.length))", "_ = now"}, {"monitor/switchover_steps.go", "c.holdHellos(i, c.now.Add(s.pause.length))", "_ = i"}},
	},
	{
		Name: "end of the pause forgotten", Why: "clients that wait for it wait on, although the master has changed",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/retire.go", "if s.pause.asked() {\n\t\t\tt.unpause", "if s.pause.asked() && false {\n\t\t\tt.unpause"}},
	},
	{
		Name: "old master sent to the new one before that is a master", Why: "it is refilled from a replica of itself",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover_steps.go", "SlaveOf{Host: nobody.Host, Port: nobody.Port, Bare: true}", "SlaveOf{Host: m.promoted.addr.DialTarget(), Port: m.promoted.addr.Port, Bare: true}"}},
	},
	{
		Name: "way back after the promotion was ordered", Why: "there are two masters",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover.go", "(s.stage == settling || s.stage == demoting", "(s.stage == promoting || s.stage == settling || s.stage == demoting"}},
	},
	{
		Name: "driver that acts after its deadline", Why: "another has taken over, and there are two masters",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/switchover.go", "s.deadline = m.attempt.VotesAsked.Add(switchoverLease)", "s.deadline = m.attempt.VotesAsked.Add(100 * switchoverLease)"},
			{"monitor/switchover_steps.go", "due := min(s.deadline, s.pause.begun.Add(c.stepTime(s)))", "due := s.deadline"},
		},
	},
	{
		Name: "another vote within a lease", Why: "two drivers act at once",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lease.go", "return now < m.lease.until && m.lease.holder != candidate", "return now < m.lease.until && m.lease.holder != candidate && false"}},
	},
	{
		Name: "lease that ends with the process of the voter", Why: "it votes for another after its restart, and two drivers act at once",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lease.go", "if m.ledger.Epoch > m.configEpoch {", "if false {"}},
	},
	{
		Name: "operator refused by INFO of long ago", Why: "a replica that has been ready for seconds is not taken",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/inquiry.go", "if err.byInfo() && c.inquire(now, m, in) {", "if false && c.inquire(now, m, in) {"}},
	},
	{
		Name: "FORCE says what is lost by old INFO", Why: "it names a replica that is not promoted, and a loss that is not",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/inquiry.go", "if op.Mode == FailoverForced && c.inquire(now, m, in) {", "if false && c.inquire(now, m, in) {"}},
	},
	{
		Name: "FORCE is refused while a switchover waits", Why: "the operator who knows better waits for failover-timeout",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/force.go", "m.switchover.stage > preparing,", "m.switchover.active(),"}},
	},
	{
		Name: "in the way of stock by old INFO", Why: "a replica is taken that has begun to be filled since",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover.go", "s.stock && min(m.infoRefresh, r.infoRefresh) <= s.asked:", "false:"}},
	},
	{
		Name: "votes while the master hands over", Why: "an election that leads to nothing keeps others from theirs",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover.go", "case !s.stock && m.handing() != \"\":", "case false:"}},
	},
	{
		Name: "takeover within a lease", Why: "a driver that only sleeps goes on beside it",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/takeover.go", "due := max(c.mayStandFrom(m), c.boundUntil(m))", "due := c.mayStandFrom(m)"},
			{"monitor/takeover.go", "due = max(due, m.roleSince.Add(switchoverLease))", "_ = due"},
			{"monitor/lease.go", "return now < m.lease.until && m.lease.holder != candidate", "return now < m.lease.until && m.lease.holder != candidate && false"},
		},
	},
	{
		Name: "takeover that leaves the driver connected", Why: "an order of it that is on its way is obeyed after the takeover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/takeover.go", "			c.sendFor(i, KillClients{})\n", ""}},
	},
	{
		Name: "promoted replica passed over by a takeover", Why: "there are two masters",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/takeover.go", "if r.role == RoleMaster && r.infoSeq >", "if false && r.infoSeq >"}},
	},
	{
		Name: "proof of the target from before the demotion", Why: "it may have been told to follow another server since",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switchover_steps.go", "if r.infoSeq <= s.proof || r.role", "if r.role"}},
	},
	{
		Name: "new master does not save its role when the old one is lost", Why: "it is a replica after its next start, and nobody is the master",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestScripts$"},
		Edits: []Edit{{"monitor/retire.go", "		return c.saveRole(now, &m.promoted.instance, &t.new)\n", "		return true\n"}},
	},
	{
		Name: "RESET right after a promotion does not save the role", Why: "the new master is a replica after its next start",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestMishapsOfSwitchover$"},
		Edits: []Edit{{"monitor/reset.go", "		c.saveRoleAtOnce(m)\n", ""}},
	},
	{
		Name: "role not saved by a server that was busy", Why: "the new master is a replica after its next start",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/retire.go", "	if passing(refused) {\n", "	if false {\n"}},
	},
	{
		Name: "down-after that a peer told is forgotten", Why: "a pause may be longer than half of it, and that peer takes the master for dead",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/ask.go", "		if in.DownAfter > 0 { // an", "		if true { // an"}},
	},
	{
		Name: "loss judged by what replicas had before the restart", Why: "they have dropped it since, and one that lacks data is promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "!fresh && r.link.connected()", "!fresh && false && r.link.connected()"}},
	},
	{
		Name: "loss of a history between two restarts", Why: "a master that has all counts as one that lost data",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "from = m.between(info.ReplID2, from)", "_ = m.between"}},
	},
	{
		Name: "REMOVE right after a promotion does not save the role", Why: "the new master is a replica after its next start",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestScripts$"},
		Edits: []Edit{{"monitor/calls.go", "		c.saveRoleAtOnce(m)\n", ""}},
	},
	{
		Name: "role that is given back arrives after the next failover", Why: "there are two masters",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestScripts$"},
		Edits: []Edit{{"monitor/elect.go", "	c.callBack(&m.instance)\n", ""}},
	},
	{
		Name: "all loopback addresses are one server", Why: "servers at 127.0.0.2 and 127.0.0.3 are corrected every second, for ever",
		By: ByTest, Test: [2]string{"./monitor", "^TestFollowsNobody$"},
		Edits: []Edit{{"monitor/switchover_steps.go", " && !otherLoopback(info.MasterHost, i.addr.IP)", ""}},
	},
}
