package mutants

import "slices"

// Table lists all mutations.
var Table = slices.Concat(general, switchover, policy, fence, guards, members, isolation)

// general are those of elections, failovers, files and links.
var general = []Mutation{
	{
		Name: "vote reply not gated on the disk", Why: "a voter that crashes votes a second time",
		Edits: []Edit{{"monitor/vote.go", "c.gate(reply)", "c.free(reply)"}},
	},
	{
		Name: "addresses shown after they are told", Why: "a client that was told of a switch is sent to the old master",
		By: ByTest, Test: [2]string{"./internal/node", "^TestToldIsShown$"},
		Edits: []Edit{{
			"internal/node/loop.go", "	l.show()\n	l.record.Drain(l.core, &l.effects)\n	l.doAll(ctx, l.effects.Free)\n",
			"	l.record.Drain(l.core, &l.effects)\n	l.doAll(ctx, l.effects.Free)\n	l.show()\n",
		}},
	},
	{
		Name: "addresses shown later than by other queries", Why: "a client that saw the new address is sent to the old master",
		By: ByTest, Test: [2]string{"./internal/node", "^TestToldIsShown$"},
		Edits: []Edit{{"internal/node/loop.go", "		l.show() // what", "		// what"}},
	},
	{
		Name: "addresses do not wait for what was sent before", Why: "a client does not find the master that it has just added",
		By: ByTest, Test: [2]string{"./internal/node", "^TestAddressInAPipeline$"},
		Edits: []Edit{{"internal/server/cmd_sentinel.go", "	if r.client.behind() && !r.read(", "	if false && !r.read("}},
	},
	{
		Name: "a master that went down is still called quiet", Why: "no peer ever hears that it is down: there is no failover",
		Edits: []Edit{{"monitor/shown.go", "if at := (HostPort{Host: m.addr.IP, Port: m.addr.Port}); !m.has(FlagSDown) &&", "if at := (HostPort{Host: m.addr.IP, Port: m.addr.Port}); (!m.has(FlagSDown) || m.shownAs.Quiet == at) &&"}},
		By:    ByTest, Test: [2]string{"./internal/node", "^TestAddressInAPipeline$"},
	},
	{
		Name: "a switch that is not shown", Why: "clients get the old address for ever",
		Edits: []Edit{{"monitor/core.go", "	c.reshow(m)\n	c.ready(&m.judge)", "	c.ready(&m.judge)"}, {"monitor/judge.go", "	c.reshow(m)\n", ""}},
	},
	{
		Name: "a change during a write is thought to be in it", Why: "what is on disk is not what was promised",
		Edits: []Edit{{"monitor/disk.go", "return d.lastSeq + 1 }", "return d.lastSeq }"}},
	},
	{
		Name: "offsets of two histories compared", Why: "what the master had restarts ago is promoted instead of what it had last", By: ByTest, Test: [2]string{"./election", "^TestLaterHistory$"},
		Edits: []Edit{{"election/selection.go", "case s == Strange && a.Latest != b.Latest:", "case false && a.Latest != b.Latest:"}},
	},
	{
		Name: "own vote counted before it is durable", Why: "a lone Sentinel that crashes uses an epoch twice", By: ByExplorer,
		Edits: []Edit{{"monitor/elect.go", "if !c.isDurable(m.voteSeq) {", "if false {"}},
	},
	{
		Name: "current epoch not saved", Why: "an epoch is used twice after a restart",
		Edits: []Edit{
			{"monitor/state.go", "func (c *Core) toSave() State {\n\ts := State{Options: c.opts, CurrentEpoch: c.epoch,", "func (c *Core) toSave() State {\n\ts := State{Options: c.opts, CurrentEpoch: 0 * c.epoch,"},
			{"monitor/disk.go", "c.durableEpoch = p.State.CurrentEpoch", "c.durableEpoch = c.epoch"},
		},
	},
	{
		Name: "vote not saved", Why: "a voter that restarts votes a second time",
		Edits: []Edit{{"monitor/state.go", "LeaderEpoch: m.ledger.Epoch}", "LeaderEpoch: 0 * m.ledger.Epoch}"}},
	},
	{
		Name: "vote not marked as changed", Why: "the next save holds the state before the vote",
		Edits: []Edit{{"monitor/vote.go", "	m.outdated()\n", ""}},
	},
	{
		Name: "configuration not marked as changed", Why: "a Sentinel that restarts goes back to the old master",
		Edits: []Edit{{"monitor/promote.go", "	m.outdated()\n	c.changed()\n", "	c.changed()\n"}},
	},
	{
		Name: "learned member not marked as changed", Why: "it is forgotten at a restart",
		Edits: []Edit{{"monitor/instance.go", "	i.master.outdated()\n	c.initTimer", "	c.initTimer"}},
	},
	{
		Name: "a leader that cannot be reached taken for ended", Why: "two are promoted, one after the other, and writes are lost",
		Edits: []Edit{{"monitor/departed.go", "return d.closed && d.refusedAt > t }", "return d.closed }"}},
	},
	{
		Name: "a leader taken for ended because it was before it stood", Why: "a Sentinel that was restarted leads in vain",
		By: ByTest, Test: [2]string{"./monitor", "^TestDeparted$"},
		Edits: []Edit{{"monitor/departed.go", "d.refusedAt > t }", "d.refusedAt > 0 }"}},
	},
	{
		Name: "a refusal without an end taken for one", Why: "a firewall that refuses makes a second master",
		By: ByTest, Test: [2]string{"./monitor", "^TestDeparted$"},
		Edits: []Edit{{"monitor/departed.go", "return d.closed && d.refusedAt", "return d.refusedAt"}},
	},
	{
		Name: "a leader that has ended is waited for", Why: "no master for twice failover-timeout",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestLeaderDies$"},
		Edits: []Edit{{"monitor/elect.go", "due := c.nextAllowed(m);", "due := m.attempt.NextAllowed(m.cfg.FailoverTimeout);"}},
	},
	{
		Name: "a second vote in the same epoch", Why: "two candidates reach a majority",
		Edits: []Edit{{"election/ledger.go", "if l.Epoch < req &&", "if l.Epoch <= req &&"}},
	},
	{
		Name: "vote at an epoch of the past", Why: "an election that is over gets another winner", By: ByExplorer,
		Edits: []Edit{{"election/ledger.go", "l.Epoch < req && *cur <= req", "l.Epoch < req"}},
	},
	{
		Name: "votes asked for and counted at the current epoch", Why: "votes of two epochs are added up: two leaders",
		By: ByExplorer,
		Edits: []Edit{
			{"monitor/ask.go", "q.Epoch, q.RunID = m.attempt.Epoch, c.opts.MyID", "q.Epoch, q.RunID = c.durableEpoch, c.opts.MyID"},
			{"monitor/elect.go", "p.votedEpoch == a.Epoch:", "p.votedEpoch == c.epoch:"},
		},
	},
	{
		Name: "attempt at an epoch that is not new", Why: "old votes elect again, and an epoch gets two configurations",
		By:    ByExplorer,
		Edits: []Edit{{"monitor/epoch.go", "c.epoch, c.epochAt = c.epoch+1, c.now", "c.epoch, c.epochAt = max(c.epoch, 1), c.now"}},
	},
	{
		Name: "an epoch for each master that fails", Why: "of a thousand masters that fail together, each outdates the elections of the others",
		By: ByTest, Test: [2]string{"./monitor", "^TestManyMastersElect$"},
		Edits: []Edit{{"monitor/epoch.go", "if c.epochIsYoung() &&", "if false &&"}},
	},
	{
		Name: "election that was outdated repeated at a new epoch", Why: "candidates of many masters drive the epoch against each other",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/elect.go", "if m.attempt.Forced || m.switchover.active() || c.epoch ==", "if true || c.epoch =="}},
	},
	{
		Name: "attempt at an epoch in which it has voted", Why: "nobody can win it, and the next attempt is far away",
		Edits: []Edit{{"monitor/epoch.go", "c.epoch > max(m.ledger.Epoch, m.configEpoch)", "c.epoch > m.configEpoch"}},
	},
	{
		Name: "attempt at the epoch of a configuration", Why: "a replica is promoted for nothing: the others have that epoch with another address",
		By: ByTest, Test: [2]string{"./monitor", "^TestSharesEpoch$"},
		Edits: []Edit{{"monitor/epoch.go", "c.epoch > max(m.ledger.Epoch, m.configEpoch)", "c.epoch > m.ledger.Epoch"}},
	},
	{
		Name: "failover by force at an epoch that others may use", Why: "two configurations of one epoch are never reconciled",
		Edits: []Edit{{"monitor/elect.go", "if forced || m.switchover.stage ==", "if m.switchover.stage =="}},
	},
	{
		Name: "the budget for fast traffic is never spent", Why: "cut off from a thousand masters, a Sentinel sends 80,000 questions a second",
		By: ByTest, Test: [2]string{"./monitor", "^TestCutOffFromManyMasters$"},
		Edits: []Edit{{"monitor/hurry.go", "	b.next = token.Add(b.gap())\n", ""}},
	},
	{
		Name: "questions that lead to nothing are never rarer", Why: "cut off from a thousand masters for hours, a Sentinel asks for hours as fast as it may",
		By: ByTest, Test: [2]string{"./monitor", "^TestCutOffFromManyMasters$"},
		Edits: []Edit{{"monitor/hurry.go", "if age < hurryTime {", "if true {"}},
	},
	{
		Name: "an epoch heard of is not shared", Why: "where masters fail together, each Sentinel opens epochs of its own for them, and they elect nobody",
		By: ByTest, Test: [2]string{"./monitor", "^TestLearnsYoungEpoch$"},
		Edits: []Edit{{"monitor/peer.go", "c.epoch, c.epochAt = epoch, c.now", "c.epoch = epoch"}},
	},
	{
		Name: "force at an epoch that is shared", Why: "two operators on two sides of a partition promote two replicas at one epoch",
		By: ByTest, Test: [2]string{"./monitor", "^TestOpensEpoch$"},
		Edits: []Edit{{"monitor/elect.go", "if forced || m.switchover.stage == takingOver", "if m.switchover.stage == takingOver"}},
	},
	{
		Name: "takeover at an epoch that is shared", Why: "it may be the one at which the driver still promotes",
		By: ByTest, Test: [2]string{"./monitor", "^TestOpensEpoch$"},
		Edits: []Edit{{"monitor/elect.go", "if forced || m.switchover.stage == takingOver", "if forced"}},
	},
	{
		Name: "the first question held back", Why: "where many masters fail together, the last are found down a second later",
		By: ByTest, Test: [2]string{"./monitor", "^TestFirstQuestionIsNotHeldBack$"},
		Edits: []Edit{{"monitor/ask.go", "if p.askSentAt < m.sdownSince {", "if false {"}},
	},
	{
		Name: "questions bring questions without end", Why: "a stranger who asks on and on has all peers asked on and on",
		By: ByTest, Test: [2]string{"./monitor", "^TestQuestionsBringQuestions$"},
		Edits: []Edit{{"monitor/ask.go", "m.reasked > len(m.peers) && !c.budget.take(now, len(m.peers))", "false"}},
	},
	{
		Name: "all replicas told to a candidate", Why: "an answer that is larger than a peer accepts cuts the link in the middle of an election",
		By: ByTest, Test: [2]string{"./monitor", "^TestToldReplicas$"},
		Edits: []Edit{{"monitor/vote.go", "m.replicas[:min(len(m.replicas), MaxToldReplicas)]", "m.replicas"}},
	},
	{
		Name: "a new master has the replicas of the old one", Why: "a takeover goes on with replicas that it may not have",
		By: ByTest, Test: [2]string{"./monitor", "^TestSwitchByAnother$"},
		Edits: []Edit{{"monitor/switch.go", "	m.hasListed = false // it", "	// it"}},
	},
	{
		Name: "hellos about all masters at once", Why: "a Sentinel that is reached is cut off again, because it does not read 10,000 hellos at once",
		By: ByTest, Test: [2]string{"./monitor", "^TestFirstHellosAreSpread$"},
		Edits: []Edit{{"monitor/link.go", "if k < hellosAtOnce {", "if true {"}},
	},
	{
		Name: "a link keeps the down-after period it had", Why: "a master with a period of a second is pinged once in a second",
		By: ByTest, Test: [2]string{"./monitor", "^TestShortestDownAfter$"},
		Edits: []Edit{{"monitor/calls.go", "p.downAfter, p.link.shortest = m.cfg.DownAfter, 0", "p.downAfter = m.cfg.DownAfter"}},
	},
	{
		Name: "a replica at the beginning of a history has nothing", Why: "a master is restarted, fills its replicas and dies: one with older data is promoted",
		By: ByTest, Test: [2]string{"./election", "^TestUnplannedTable$"},
		Edits: []Edit{{"election/standing.go", " || c.Offset == 0 && c.LinkDown >= 0 && !c.Master", ""}},
	},
	{
		Name: "an epoch shared without a memory of votes", Why: "a Sentinel whose file was made anew votes for itself where it has voted for another",
		By: ByTest, Test: [2]string{"./monitor", "^TestStandsAloneWithoutMemory$"},
		Edits: []Edit{{"monitor/epoch.go", "c.epochIsYoung() && !m.recall.over && c.epoch >", "c.epochIsYoung() && c.epoch >"}},
	},
	{
		Name: "a budget without a limit of the queue", Why: "after a storm, nothing is fast for minutes",
		By: ByTest, Test: [2]string{"./monitor", "^TestBudget$"},
		Edits: []Edit{{"monitor/hurry.go", "	if token >= latest {\n\t\treturn latest\n\t}\n", ""}},
	},
	{
		Name: "the next candidate waits for one write only", Why: "with many masters, or a slow disk, all stand for election and split the votes",
		By: ByTest, Test: [2]string{"./monitor", "^TestManyMastersElect$"},
		Edits: []Edit{{"monitor/elect.go", "min(3*took,", "min(took,"}},
	},
	{
		Name: "a write under way not counted as slow", Why: "with many masters all stand for election in the first burst after a start",
		By: ByTest, Test: [2]string{"./monitor", "^TestManyMastersElect$"},
		Edits: []Edit{{"monitor/elect.go", "if c.disk.inFlight != nil {\n\t\ttook", "if false {\n\t\ttook"}},
	},
	{
		Name: "votes of any epoch counted", Why: "votes of two epochs are added up: two leaders",
		Edits: []Edit{{"monitor/elect.go", "p.votedFor != \"\" && p.votedEpoch == a.Epoch:", "p.votedFor != \"\":"}},
	},
	{
		Name: "majority off by one", Why: "with four Sentinels two and two elect two leaders",
		Edits: []Edit{{"quorum/quorum.go", "return max(voters, 0)/2 + 1", "return (max(voters, 0) + 1) / 2"}},
	},
	{
		Name: "majority of those reachable", Why: "each side of a partition elects its leader",
		Edits: []Edit{{
			"monitor/elect.go", "needed := quorum.Needed(m.voters(), m.cfg.Quorum)",
			"needed := quorum.Needed(len(votes)+outstanding, m.cfg.Quorum)",
		}},
	},
	{
		Name: "quorum off by one", Why: "a master is failed over although too few see it down",
		Edits: []Edit{{"quorum/quorum.go", "return votes >= max(quorum, 1)", "return votes+1 >= max(quorum, 1)"}},
	},
	{
		Name: "opinions about an old address counted", Why: "a healthy new master is failed over at once",
		Edits: []Edit{
			{"monitor/ask.go", "in.OK && in.Token.Seq > m.askFloor &&", "in.OK &&"},
			{"monitor/reset.go", "p.clear(FlagMasterDown)\n", "\n"},
		},
	},
	{
		Name: "vote given while saving fails", Why: "a promise is made that a crash breaks",
		Edits: []Edit{
			{"monitor/vote.go", "if c.disk.failing || !req", "if !req"},
			{"monitor/vote.go", "c.free(Reply{To: in.From, Down: down}) // the vote is not durable", "c.free(reply) // the vote is not durable"},
		},
	},
	{
		Name: "current epoch told before it is durable", Why: "an epoch that others know is used a second time",
		Edits: []Edit{{"monitor/announce.go", "CurrentEpoch: c.durableEpoch,", "CurrentEpoch: c.epoch,"}},
	},
	{
		Name: "configuration told before it is durable", Why: "after a crash two addresses have one config epoch",
		Edits: []Edit{{"monitor/announce.go", "return c.isDurable(m.configSeq) ||", "return c.isDurable(0) ||"}},
	},
	{
		Name: "configuration of the same epoch taken over", Why: "Sentinels swap addresses without end",
		Edits: []Edit{{"monitor/switch.go", "if h.ConfigEpoch > m.configEpoch {", "if h.ConfigEpoch >= m.configEpoch {"}},
	},
	{
		Name: "outdated failover carried through", Why: "the config epoch falls, or names two addresses",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/promote.go", "if a.Epoch <= m.configEpoch {", "if false {"},
			{"monitor/switch.go", "!a.Published() && a.Epoch <= m.configEpoch {", "!a.Published() && false {"},
		},
	},
	{
		Name: "promotion published before INFO says role:master", Why: "clients are sent to a replica",
		Edits: []Edit{{"monitor/repair.go", "case r.role == RoleMaster && m.promoted == r && m.waiting", "case m.promoted == r && m.waiting"}},
	},
	{
		Name: "master that refuses transactions not told otherwise", Why: "it is told the same without end, and stays a replica",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/role.go", "return Addr{}, m.role == RoleReplica && m.attempt", "return Addr{}, false && m.attempt"}},
	},
	{
		Name: "replica with priority 0 promoted", Why: "the operator has forbidden it",
		Edits: []Edit{{"election/selection.go", "case c.Priority == 0:", "case c.Priority < 0:"}},
	},
	{
		Name: "link age counted where the data are known", Why: "Sentinels that are started late promote nobody, ever",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"election/selection.go", "case r.overdue(c) && !r.Lineage.reached(c):", "case r.overdue(c):"}},
	},
	{
		Name: "replica believed whose link was cut", Why: "it has what the master had before, and takes its place",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage.go", "r.infoSent.Add(-info.MasterIO) < m.settledAt", "r.infoSent < m.settledAt"}},
	},
	{
		Name: "replica not believed while the master loads", Why: "what it has follows the master, and one that was cut off before takes its place",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage.go", "r.infoSent.Add(-info.MasterIO) < m.settledAt", "r.infoSent.Add(-info.MasterIO) < m.infoRefresh"}},
	},
	{
		Name: "history believed that the master has left", Why: "a replica whose link was cut unnoticed is promoted, and the writes since the restart are lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage.go", "m.left.has(info.ReplID),", "false,"}},
	},
	{
		Name: "rescue by a replica without the data", Why: "what clients have told the master since its restart is lost too, for nothing",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/emptiness.go", "case m.lostSince != 0 && f.standing < election.Past:", "case false:"}},
	},
	{
		Name: "keys of a replica not counted as the master's", Why: "a replica that was cut off before the first key is promoted, and the keys are lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage.go", "case info.Keys && info.ReplID == l.ReplID && info.Offset > l.Offset:", "case false:"}},
	},
	{
		Name: "successor in a resynchronisation counted as whole", Why: "what it has may have gaps, and a replica without any is passed over",
		By: ByTest, Test: [2]string{"./election", "^TestUnplannedTable$"},
		Edits: []Edit{{"election/standing.go", "if c.Syncing {\n\t\t\treturn Replaced\n\t\t}\n\t\treturn Successor", "return Successor"}},
	},
	{
		Name: "Sentinels that a reset took away not counted", Why: "the few that are known right after it elect a second leader",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/distant.go", " + m.stillAwaited()", ""}},
	},
	{
		Name: "switchover goes on alone right after a reset", Why: "those who are not known again may have elected another driver",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/elect.go", "m.switchover.active() && next != Never", "false && next != Never"}},
	},
	{
		Name: "data that were to be saved are gone, and another promoted", Why: "what the master has been told since is lost for nothing",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promote.go", "if m.lostSince != 0 && m.saver() == nil {", "if false {"}},
	},
	{
		Name: "server compared by what was said on another connection", Why: "a replica whose address has moved to the new master makes that follow itself",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/identity.go", "i.infoRefresh != 0 && i.infoRefresh >= up ||", "i.infoRefresh != 0 ||"}},
	},
	{
		Name: "master judged while it loads", Why: "it says nothing of what it will have, and the data that it lacks are given up",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promote.go", "m.saver() == nil", "m.keeper(m.info) == nil"}},
	},
	{
		Name: "silence believed by one that has slept", Why: "a stranger moves a Sentinel away that is there",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/conflict.go", "!c.tilt && now >= max(", "now >= max("}},
	},
	{
		Name: "takeover by one that knows no replica", Why: "the master gets its role back beside a replica that was promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/takeover.go", "if !m.hasListed {", "if false {"}},
	},
	{
		Name: "takeover that hears of no replicas", Why: "after a RESET the master gets its role back beside a replica that was promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/ask.go", "q.WantReplicas = m.switchover.stage == takingOver", "q.WantReplicas = false"}},
	},
	{
		Name: "replicas taken for all that there are", Why: "one that has just joined takes over before those who know whom the driver has promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/master.go", "len(ms.Replicas) > 0 && ms.Lineage.Heard", "len(ms.Replicas) > 0"}},
	},
	{
		Name: "master replaced that has all its replicas have", Why: "what clients have written to it since is lost for nothing",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "has.Has(data.ReplID, data.Offset)", "has.Has(\"\", 0)"}},
	},
	{
		Name: "data that an operator has given up preferred", Why: "what the master was given by hand is lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "(!info.NotLoaded || info.Role == RoleReplica)", "!info.NotLoaded"}},
	},
	{
		Name: "stale replica preferred by its priority", Why: "the saved offset is older than what another one has",
		By: ByTest, Test: [2]string{"./election", "^TestLinkAge$"},
		Edits: []Edit{{"election/selection.go", "rules.overdue(c) && c.ReplID == rules.Lineage.ReplID && c.Offset < end", "false"}},
	},
	{
		Name: "replica that was cut off for long promoted", Why: "old data replaces new data",
		Edits: []Edit{{"election/selection.go", "case r.overdue(c) && !r.Lineage.reached(c):", "case false:"}},
	},
	{
		Name: "parallel-syncs off by one", Why: "more replicas load at once than the operator allows",
		Edits: []Edit{{"monitor/reconf.go", "if busy >= m.cfg.ParallelSyncs {", "if busy > m.cfg.ParallelSyncs {"}},
	},
	{
		Name: "no pause between attempts", Why: "every attempt derails the elections of the others",
		Edits: []Edit{{"election/attempt.go", "return a.Start.Add(2 * failoverTimeout)", "return a.Start.Add(0 * failoverTimeout)"}},
	},
	{
		Name: "no desynchronisation", Why: "all stand at once, and the split vote costs many seconds",
		By: ByTest, Test: [2]string{"./monitor", "^TestHealthyFailover$"},
		Edits: []Edit{{
			"election/candidacy.go", "return time.Duration(rank)*slot + time.Duration(jitter*float64(slot)/4)",
			"return 0 * time.Duration(float64(rank)*float64(slot)*jitter)",
		}},
	},
	{
		Name: "TILT ignored", Why: "a stalled Sentinel takes its own absence for the master's",
		Edits: []Edit{{"monitor/judge.go", "if c.tilt {\n\t\treturn c.keepFenced", "if false {\n\t\treturn c.keepFenced"}},
	},
	{
		Name: "slots put off what is due in them", Why: "a master that hangs is noticed later",
		By: ByTest, Test: [2]string{"./monitor", "^TestSlots$"},
		Edits: []Edit{{"monitor/slot.go", "return due - due%Instant(slot)", "return due - due%Instant(slot) + Instant(slot)"}},
	},
	{
		Name: "down answered in TILT", Why: "a stalled Sentinel helps to fail over a healthy master",
		Edits: []Edit{{"monitor/vote.go", "down := m.has(FlagSDown) && !c.tilt", "down := m.has(FlagSDown)"}},
	},
	{
		Name: "old master made a replica at once", Why: "a server that a leader has just promoted is demoted",
		Edits: []Edit{{"monitor/repair.go", "since, wait := r.roleSince, 4*c.tun.PublishPeriod", "since, wait := r.roleSince, 0*c.tun.PublishPeriod"}},
	},
	{
		Name: "votes forgotten by REMOVE and MONITOR", Why: "an operator makes a Sentinel vote twice",
		Edits: []Edit{{"monitor/calls.go", "m.ledger.Epoch = c.epoch", "m.ledger.Epoch = 0 * c.epoch"}},
	},
	{
		Name: "RESET of a silent master forgets its members", Why: "nobody names them again, and it is never failed over",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/forgotten.go", "	f := m.forgotten\n", "	f := forgotten{}\n"}},
	},
	{
		Name: "RESET stops the clock of a silent master", Why: "one RESET after the other puts +sdown off without end",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/reset.go", "	c.closeLink(m.link)\n", "	m.link.unansweredSince = 0\n	c.closeLink(m.link)\n"}},
	},
	{
		Name: "MONITOR with a new address taken back at once", Why: "the new master becomes a replica of the old one",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/switch.go", "if c.keepsOrder(now, m, h) {", "if false {"}},
	},
	{
		Name: "password set again without a login", Why: "a server that got the user after it had refused it stays down",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/calls.go", "if login { //", "if false { //"}},
	},
	{
		Name: "MONITOR on most Sentinels taken back by a late one", Why: "who was dead meanwhile brings the old address back",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/ordered.go", "return n > m.voters()/2", "return false"}},
	},
	{
		Name: "MONITOR on some Sentinels never taken back", Why: "two parts of the Sentinels name two masters without end",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/ordered.go", "return n > m.voters()/2", "return true"}},
	},
	{
		Name: "id followed while it is heard where it was", Why: "anybody who may PUBLISH keeps a Sentinel out",
		Edits: []Edit{{"monitor/conflict.go", "if c.unheard(now, p) &&", "if true &&"}},
	},
	{
		Name: "hello about a master of other servers", Why: "anybody who may PUBLISH on one server moves all masters",
		Edits: []Edit{{"monitor/peer.go", "|| !c.mayTell(m, in.Conn, h) {", "{"}},
	},
	{
		Name: "first vote after the file has lost its epochs", Why: "one vote of the earlier life and one of this elect two",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"}, // in the simulator it takes some thousand seeds
		Edits: []Edit{{"monitor/vote.go", "if c.recollect(now, m); m.recall.lost {", "if c.recollect(now, m); false {"}},
	},
	{
		Name: "epochs that others tell not taken for voted in", Why: "one vote of the earlier life and one of this elect two",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/recall.go", "if c.epoch > m.ledger.Epoch {", "if false {"}},
	},
	{
		Name: "own vote moved to an epoch of others", Why: "it claims a vote there that it never gave",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestScripts$"},
		Edits: []Edit{{"monitor/recall.go", "election.Ledger{Epoch: c.epoch}", "election.Ledger{Epoch: c.epoch, For: m.ledger.For}"}},
	},
	{
		Name: "forced failover at an epoch that it has left", Why: "it acts beside the Sentinel for which it has voted",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/elect.go", "if (elected || overtaken) &&", "if (elected || overtaken && false) &&"},
			{"monitor/elect.go", "if elected || !c.hasOwnVote(m) {", "if false {"},
		},
	},
	{
		Name: "forced failover that goes on where another was elected", Why: "two configurations of one epoch are never reconciled",
		By: ByTest, Test: [2]string{"./monitor", "^TestForcedFailoverAtTheEpochOfAnother$"},
		Edits: []Edit{{"monitor/elect.go", "if elected || !c.hasOwnVote(m) {", "if !c.hasOwnVote(m) {"}},
	},
	{
		Name: "forced failover without an own vote in an id conflict", Why: "its epoch is not saved, and is used again after a restart",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{
			{"monitor/vote.go", "if c.disk.failing || !req", "if c.disk.failing || c.conflict.open || !req"},
			{"monitor/elect.go", "if elected || !c.hasOwnVote(m) {", "if false {"},
		},
	},
	{
		Name: "leader that has voted for another since", Why: "it acts beside the Sentinel for which it has voted",
		Edits: []Edit{{"monitor/elect.go", "leader == c.opts.MyID && c.hasOwnVote(m) {", "leader == c.opts.MyID {"}},
	},
	{
		Name: "another replica promoted while the outcome of the first is unknown",
		Why:  "two masters share an epoch, and one of them is never told",
		By:   ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/promote.go", "if m.orders > 0 {", "if m.orders > 0 && m.promoted.refusedAt == 0 {"}},
	},
	{
		Name: "replica that is being filled promoted", Why: "its emptiness is replicated to all others",
		Edits: []Edit{{"election/standing.go", "case c.Loading:", "case false:"}},
	},
	{
		Name: "histories of data not compared", Why: "a server with other data is promoted because its offset is larger",
		By: ByTest, Test: [2]string{"./election", "^TestUnplannedTable$"},
		Edits: []Edit{{"election/standing.go", "case l.Covers(c.Data) && l.placed(c)", "case l.placed(c)"}},
	},
	{
		Name: "the history before the last promotion not known", Why: "a replica with data of then is taken for a stranger",
		By: ByTest, Test: [2]string{"./election", "^TestUnplannedTable$"},
		Edits: []Edit{{"election/standing.go", "d.ReplID == l.ReplID2 && d.Offset < l.Second", "false"}},
	},
	{
		Name: "a replica that follows the old history taken for one with its data", Why: "it has gone on after the promotion",
		By: ByTest, Test: [2]string{"./election", "^TestUnplannedTable$"},
		Edits: []Edit{{"election/standing.go", "d.ReplID == l.ReplID2 && d.Offset < l.Second", "d.ReplID == l.ReplID2"}},
	},
	{
		Name: "a replica of before the first key taken for one with the data", Why: "the master drops its own when it returns",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"election/standing.go", "return l.Keys && !c.Keys &&", "return l.Keys && !c.Keys && c.LinkDown < 0 &&"}},
	},
	{
		Name: "a successor taken for one that has all", Why: "a replica has writes that the promoted server never got",
		By: ByTest, Test: [2]string{"./election", "^TestSuccessorLacksWhatAnotherHas$"},
		Edits: []Edit{{"election/selection.go", "offset = max(offset, c.Offset)", "offset = max(offset, 0*c.Offset)"}},
	},
	{
		Name: "empty replica promoted although the master keeps its data", Why: "the master drops them when it returns",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/emptiness.go", "case m.lineage.Persistent:", "case false:"}},
	},
	{
		Name: "a file written for a replica taken for a save", Why: "a cache is waited for without end, although it has nothing on disk",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/persistent.go", "&& s.Syncs == before.Syncs", ""}},
	},
	{
		Name: "what the master had is not saved", Why: "after a restart an empty replica takes its place",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/state.go", "ms.Lineage = m.lineage", "ms.Lineage = Lineage{}"}},
	},
	{
		Name: "a master that came back without its data taken as it is", Why: "its replicas drop theirs",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/down.go", "m.lostSince != 0", "m.lostSince < 0"}},
	},
	{
		Name: "a quiet master that came back with all its data replaced", Why: "its offset is behind by PINGs and hellos alone",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "saved && fresh && same {", "saved && fresh && same && false {"}},
	},
	{
		Name: "changes that a replica has applied not compared", Why: "a master is taken back without the last write that it acknowledged",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/unchanged.go", "was.Changes == is.Changes && ", ""}},
	},
	{
		Name: "unsaved changes of the master not looked at", Why: "it is taken back without them",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/unchanged.go", " && info.Counted && info.Changes == 0", " && info.Counted"}},
	},
	{
		Name: "a replica judged by what it said before the master was gone", Why: "what it has got since is lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/unchanged.go", "fresh = r.infoRefresh >= m.runIDSince", "fresh = true"}},
	},
	{
		Name: "a master that was replaced for its data left to serve", Why: "its clients write to it for seconds",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/retire.go", "return c.replaceLost(now, m)", "return true"}},
	},
	{
		Name: "what a replica has received and not applied is not waited for", Why: "it is lost by the promotion",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/selection.go", "r.info.ReadOffset > r.offset", "r.info.ReadOffset < r.offset"}},
	},
	{
		Name: "run ids not compared before a role change", Why: "a server with two addresses is told to follow itself",
		Edits: []Edit{{"monitor/identity.go", "return i.runID != \"\" && i.runID == o.runID }", "return i.runID != \"\" && i.runID == o.runID && false }"}},
	},
	{
		Name: "a server forgotten because of the remembered address of its name", Why: "names that swap lose a replica for good",
		By: ByTest, Test: [2]string{"./monitor", "^TestNamesThatSwap$"},
		Edits: []Edit{{"monitor/identity.go", "c.names[host].answered < changed {", "c.names[host].answered < 0*changed {"}},
	},
	{
		Name: "first answer about a doubted name believed for good", Why: "resolvers keep old answers, and the wrong server stays",
		By: ByTest, Test: [2]string{"./monitor", "^TestDoubtOutlivesOldAnswers$"},
		Edits: []Edit{{"monitor/names.go", "if now < i.doubtUntil {", "if false {"}},
	},
	{
		Name: "record dropped for what answers where its name was", Why: "the replica of names that swap is gone",
		By: ByTest, Test: [2]string{"./monitor", "^TestDoubtOutlivesOldAnswers$"},
		Edits: []Edit{{"monitor/identity.go", "if !slices.Contains(n.ips, i.addr.IP) {", "if false && !slices.Contains(n.ips, i.addr.IP) {"}},
	},
	{
		Name: "loopback address taken for another machine on this host", Why: "a returned master at this host's address stays a second one",
		By: ByTest, Test: [2]string{"./monitor", "^TestLoopbackOnThisHost$"},
		Edits: []Edit{{"monitor/identity.go", "cn.localIP != \"\" &&", "false &&"}},
	},
	{
		Name: "voters that cannot be reached not remembered by RESET", Why: "two minorities can each elect a leader",
		By: ByTest, Test: [2]string{"./monitor", "^TestResetKeepsVotersThatCannotBeReached$"},
		Edits: []Edit{{"monitor/forgotten.go", "m.distant = append(m.distant, d)", "_ = d"}},
	},
	{
		Name: "all Sentinels correct a server at once", Why: "its clients are disconnected by each of them",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestOneCorrection$"},
		Edits: []Edit{{"monitor/repair.go", "time.Duration(c.repairRank(m)) * c.repairSlot(r)", "0 * time.Duration(c.repairRank(m)) * c.repairSlot(r)"}},
	},
	{
		Name: "a server is corrected without another look", Why: "what another Sentinel has corrected is done again",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/repair.go", "case r.infoSent < r.recheckAt || r.slaveofSeq != 0:", "case now < r.recheckAt || r.slaveofSeq != 0:"}},
	},
	{
		Name: "places of a correction closer than the sight of the fault", Why: "two Sentinels that see it apart correct it at once",
		By: ByTest, Test: [2]string{"./jepsen/sim", "^TestOneCorrection$"},
		Edits: []Edit{{"monitor/repair.go", "return c.tun.PingPeriod + repairMargin", "return 0*c.tun.PingPeriod + repairMargin/2"}},
	},
	{
		Name: "the leader of the last failover not first to correct", Why: "it and another Sentinel have one place, or it has none",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/repair.go", "case m.led == m.configEpoch:", "case m.led == m.configEpoch && false:"}},
	},
	{
		Name: "turns to correct kept through TILT", Why: "Sentinels that were stalled together act together",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/tilt.go", "r.recheckAt = 0", "_ = r.recheckAt"}},
	},
	{
		Name: "a server that is loading is corrected", Why: "it refuses, and takes writes for another INFO period",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/repair.go", "case r.loading:", "case r.loading && false:"}},
	},
	{
		Name: "Sentinels that cannot be reached are no voters", Why: "each of several takes itself for the majority",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/distant.go", "return 1 + len(m.peers) + len(m.distant) + m.stillAwaited() }", "return 1 + len(m.peers) + m.stillAwaited() }"}},
	},
	{
		Name: "answers counted that may be one's own", Why: "a Sentinel that is led to itself votes twice",
		By: ByTest, Test: [2]string{"./monitor", "^TestAddressOfBoth$"},
		Edits: []Edit{{"monitor/gossip.go", "return !l.wrongID() && !l.gossip.mayBeOwn }", "return !l.wrongID() }"}},
	},
	{
		Name: "failover that never times out", Why: "a replica that does not come back holds the failover up without end",
		Edits: []Edit{{"monitor/reconf.go", "timeout := now >= due", "timeout := now >= due && false"}},
	},
	{
		Name: "copy of a write in place not synced", Why: "a power cut leaves neither the old nor the new content, and votes are lost",
		By: ByTest, Test: [2]string{"./internal/atomicfile", "^TestPowerCutInPlace$"},
		Edits: []Edit{{
			"internal/atomicfile/inplace.go", "if err := f.Sync(); err != nil {\n\t\treturn &SaveError{\"Could not sync the copy",
			"if err := error(nil); err != nil {\n\t\treturn &SaveError{\"Could not sync the copy",
		}},
	},
	{
		Name: "damaged file made whole by a save", Why: "the next start has no password",
		By: ByTest, Test: [2]string{"./configrewrite", "^TestCutFile$"},
		Edits: []Edit{{"configrewrite/damage.go", "if reason == \"\" {", "if true {"}},
	},
	{
		Name: "refused subscription not shown", Why: "a Sentinel that hears no hello looks healthy",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/link.go", "return l.cmd.up && (!l.server || l.pubsub.up)", "return l.cmd.up"}},
	},
	{
		Name: "journal says that nothing is lost", Why: "an operator does not look for what clients have lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/fact_notes.go", "f.Comparable, f.Took = true, l.Second-1", "f.Comparable, f.Took = true, old.Offset"}},
	},
	{
		Name: "record added to a torn file", Why: "the record behind a torn one is unreadable as well",
		By: ByTest, Test: [2]string{"./internal/archive", "^Test(EachStepFails|KillAtEachByte)$"},
		Edits: []Edit{{"internal/archive/write.go", "if missing || !a.whole ||", "if missing || a.size == 0 ||"}},
	},
}
