package mutants

// members are those of masters whose process is gone, of members that are forgotten, of
// observers, and of Sentinels that have slept.
var members = []Mutation{
	{
		Name: "refusal without the end of the subscription", Why: "a firewall that resets looks like a dead master",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "return x.hellos != 0 && x.commands != 0", "return x.commands != 0"}},
	},
	{
		Name: "refusal against the word of replicas", Why: "a master that has closed its port is failed over, and there are two",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "(r.infoSeq <= m.refusal.seq || r.masterLinkUp)", "false"}},
	},
	{
		Name: "refusal by what replicas said before", Why: "a stale INFO of a replica that had lost its link for another reason proves nothing",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "(r.infoSeq <= m.refusal.seq || r.masterLinkUp)", "r.masterLinkUp"}},
	},
	{
		Name: "refusal by replicas that had no link", Why: "a master behind a firewall is failed over while its replicas are about to follow it",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "if r.linkedTo == (HostPort{}) || ", "if false && "}},
	},
	{
		Name: "whoever takes a connection lives", Why: "the system takes connections for a process that ends, and its end is missed",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "end == 0 || now > end.Add(endSkew)", "true || end == 0"}},
	},
	{
		Name: "a peer that refuses to forget is not told again", Why: "one that has heard the dead member for longer counts it on",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/tombstone.go", "b.again = c.now.Add(3 * c.tun.PublishPeriod)", "b.again = 0"}},
	},
	{
		Name: "refusals with gaps", Why: "a stalled Sentinel takes a restart for the end",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "case x.since == 0 || now.Sub(x.last) > refusalGap(after):", "case x.since == 0:"}},
	},
	{
		Name: "refusal after a time-out", Why: "what was seen before the host was unreachable counts on",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/link.go", "c.connectionLost(c.now, l, cn, LossOther)", "_ = LossOther"}},
	},
	{
		Name: "restart is up before it answers", Why: "a failover is given up for a process that hangs",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/refusal.go", "refusal{gone: m.refusal.gone, walled", "refusal{walled"}},
	},
	{
		Name: "tombstone not saved", Why: "a restart brings a dead voter back",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/state.go", "ms.Tombstones = m.savedTombstones()", "ms.Tombstones = nil"}},
	},
	{
		Name: "listed is back", Why: "a master that has not noticed the end of a replica brings it back",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/observe.go", "if c.buried(m, addr) || !c.isNews(m, addr) {", "if !c.isNews(m, addr) {"}},
	},
	{
		Name: "one late hello is back", Why: "a dead Sentinel is a voter again",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/tombstone.go", "t.away, t.heard = true, now\n\t\treturn true", "c.backAgain(m, t)\n\t\treturn false"}},
	},
	{
		Name: "living members forgotten", Why: "the majority shrinks while all voters are there",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/tombstone.go", "\tcase op.Force:\n\tcase i == nil", "\tcase true:\n\tcase i == nil"}},
	},
	{
		Name: "forgetting not passed on", Why: "the others count a dead voter on, and the majorities differ",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/tombstone.go", "case t.number <= b.upTo || t.Over:", "case true:"}},
	},
	{
		Name: "RESET of a master that is down takes dead replicas away", Why: "RESETs in a loop leave a master without replicas",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/forgotten.go", "|| m.has(FlagSDown) {", "{"}},
	},
	{
		Name: "observer votes", Why: "one that nobody counts decides an election",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/vote.go", "if m == nil || c.opts.Observe {", "if m == nil {"}},
	},
	{
		Name: "observer announces itself", Why: "the quorum in production counts it",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/hold.go", "if c.opts.Observe {", "if false {"}},
	},
	{
		Name: "attempt goes on after a sleep", Why: "a leader that slept promotes beside the one that took its place",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/stall.go", "\t\tc.abort(now, m, notElected)\n", "\t\t_ = notElected\n"}},
	},
	{
		Name: "opinions of before a sleep", Why: "a master is down for peers that have seen it up since",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/stall.go", "\t\t\tc.peerSays(p, false)\n", ""}},
	},
}
