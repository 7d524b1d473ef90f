package mutants

// isolation are those of the fence of an isolated master.
var isolation = []Mutation{
	{
		Name: "vote within a promise", Why: "another is promoted while the master takes writes",
		Edits: []Edit{{"monitor/promise.go", "return now < m.promise.until && in.Epoch > m.ledger.Epoch && in.Lease == 0", "return false && in.Lease == 0"}},
	},
	{
		Name: "promise that ends with the process of the voter", Why: "it votes after its restart, and the master takes writes",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "m.promise.until = now.Add(m.promiseLength())\n", "_ = now\n"}},
	},
	{
		Name: "promise of one that sees the master down soon", Why: "the failover that is needed is put off",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "end = min(end, since.Add(m.downAfter))", "_ = since"}},
	},
	{
		Name: "promises renewed although a candidate wants the vote", Why: "the failover that is needed never comes",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "m.promise.rests = max(m.promise.until, now)", "m.promise.rests = 0 * max(m.promise.until, now)"}},
	},
	{
		Name: "rest from promises that begins anew with each", Why: "a guard that needs this voter for a majority never ends its pause",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "!m.recall.lost && now >= m.promise.rests", "!m.recall.lost && (m.promise.rests == 0 || now >= max(m.promise.rests, m.promise.until.Add(2*c.tun.AskPeriod)))"}},
	},
	{
		Name: "promise that counts although another may lead", Why: "the pause ends while another is promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "(g.vote.Epoch <= m.configEpoch || c.settled(m, g.vote.For, g.voteHeard))", "(true || c.settled(m, g.vote.For, g.voteHeard))"}},
	},
	{
		Name: "promise that counts although a later configuration is known", Why: "the pause ends although another is the master",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "g.configEpoch <= m.configEpoch &&", "true &&"}},
	},
	{
		Name: "fence without an end of promises", Why: "an isolated master takes writes for as long as that lasts",
		Edits: []Edit{{"monitor/isolation.go", "	if now < due {\n		return min(next, due)\n	}\n	if seen", "	if now < due.Add(1000*length) {\n		return min(next, due.Add(1000*length))\n	}\n	if seen"}},
	},
	{
		Name: "fence without a margin", Why: "the pause reaches the master after the end of the promises",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "return min(length/5+2*m.link.roundTrip, length/2)", "return min(0*m.link.roundTrip, length/2)"}},
	},
	{
		Name: "pause ended by promises of before", Why: "it ends although nobody was heard since it began",
		Edits: []Edit{{"monitor/isolation.go", "p.pledge.from > after && p.pledge.ends(m.fenceMargin()) > now", "p.pledge.from > 0 && (p.pledge.until > now || after > 0)"}},
	},
	{
		Name: "vote of the guard before the pause", Why: "its vote makes the majority that promotes another while the master takes writes",
		Edits: []Edit{{"monitor/isolation.go", "	c.touch(m)\n	return now < v.first.Add(m.promiseLength())", "	c.touch(m)\n	return false && now < v.first.Add(m.promiseLength())"}},
	},
	{
		Name: "majority of the Sentinels that RESET has left", Why: "the pause ends because others were forgotten",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "return n >= majority(max(m.voters(), m.isolation.voters))", "return n >= majority(m.voters())"}},
	},
	{
		Name: "pause of a master that is removed while its fence is dialled", Why: "it takes no writes for a minute, and nobody ends that",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "		c.sendOrder(i, Unpause{}, 0)\n", "		_ = i\n"}},
	},
	{
		Name: "pause whose end was refused beside another guard", Why: "a replica is paused for a minute, as it is for no guard to end that",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "if due := f.order.at.Add(returnSilence); now < due {", "if due := f.order.at.Add(1000 * returnSilence); now < due {"}},
	},
	{
		Name: "hellos let go by a fence that another guard holds", Why: "the PINGs behind them have no answer, and the master counts as down",
		By: ByTest, Test: [2]string{"./monitor", "^TestHoldsApart$"},
		Edits: []Edit{{"monitor/hold.go", "return h.at == o.at && h.by == o.by", "return h.at == o.at"}},
	},
	{
		Name: "fence where one decides alone", Why: "a master is stopped for Sentinels that cannot replace it",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "m.voters() < 3 || m.cfg.Quorum < 2 || ", ""}},
	},
	{
		Name: "fence that begins in TILT", Why: "a Sentinel that stood still takes its own silence for that of the others",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "case c.tilt || !c.reachesMaster(now, m):", "case !c.reachesMaster(now, m):"}},
	},
	{
		Name: "hellos behind the pause of a fence", Why: "PINGs have no answer, and the master counts as down",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/fence.go", "	c.holdHellosAt(f.server(), now.Add(length))\n", ""}},
	},
	{
		Name: "fence that lasts without end", Why: "nobody ends it when the guard dies",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "return max(10*m.promiseLength(), minFence)", "return max(10*m.promiseLength(), 1000*minFence)"}},
	},
	{
		Name: "fence of a replica", Why: "its replication stands still",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "	if f.info != nil && f.info.Role == RoleReplica || m.isReplicaAt(v.at) {", "	if false && m.isReplicaAt(v.at) {"}},
	},
	{
		Name: "pause of a replaced master ended by who does not reach the new one", Why: "a master that is cut off takes writes although it has heard that another is in its place",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "case m.attempt.Phase() > election.WaitStart:", "case m.has(FlagSDown) && m.attempt.Phase() >= election.None:"}},
	},
	{
		Name: "pause of a replaced master held by the leader of its return", Why: "nobody is promoted that may be paused, and the group has no master",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/isolation.go", "case m.attempt.Phase() > election.WaitStart:", "case m.attempt.Phase() > election.WaitStart && false:"}},
	},
	{
		Name: "hello behind the pause of an isolated master", Why: "its PINGs have no answer, it promises nothing, and the pause has no end",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promise.go", "		c.holdHellosFor(&m.instance, now.Add(in.Promise))\n", ""}},
	},
	{
		Name: "promises of before a sleep", Why: "others may have replaced the master while the machine was suspended",
		By: ByTest, Test: [2]string{"./jepsen/sim/explore", "^TestLeases$"},
		Edits: []Edit{{"monitor/stall.go", "		c.restartIsolation(m)\n", ""}},
	},
	{
		Name: "pauses of before a sleep", Why: "they are over, and the master takes writes",
		By: ByTest, Test: [2]string{"./jepsen/sim/explore", "^TestLeases$"},
		Edits: []Edit{{"monitor/isolation.go", "		f.surely = 0\n", "		_ = f\n"}},
	},
	{
		Name: "configuration that was confirmed before a sleep", Why: "a Sentinel that slept pauses a master because of what was true before",
		By: ByTest, Test: [2]string{"./monitor", "^TestSleepEndsConfirmation$"},
		Edits: []Edit{{"monitor/stall.go", "			p.told.asked, p.configAsked = 0, 0\n", ""}},
	},
	{
		Name: "pause of a process that has ended", Why: "no hello goes to the next one for a minute",
		By: ByTest, Test: [2]string{"./monitor", "^TestFenceProcess$"},
		Edits: []Edit{{"monitor/observe.go", "		c.meetsElsewhere(i)\n", ""}, {"monitor/fence.go", "f.until = max(f.here, f.loose)", "f.until = max(f.until, f.loose)"}},
	},
}
