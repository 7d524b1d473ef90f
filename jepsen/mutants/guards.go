package mutants

// guards are those of the guards.
var guards = []Mutation{
	{
		Name: "one sign is enough for a foreign server", Why: "a master with a backup of another group counts as down",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignNodes$"},
		Edits: []Edit{{"monitor/foreign.go", "if signs := c.signsOf(i, o); len(signs) > 1 {", "if signs := c.signsOf(i, o); len(signs) > 0 {"}},
	},
	{
		Name: "a foreign server is corrected", Why: "it is erased, and filled with the data of another group",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignNodeIsLeftAlone$"},
		Edits: []Edit{{"monitor/role.go", "if !i.link.connected() || i.foreign {", "if !i.link.connected() {"}, {"monitor/identity.go", "case i.foreign, target != nil && target.foreign, i.addr", "case target != nil && target.foreign, i.addr"}},
	},
	{
		Name: "the data of a foreign master are taken for those of the own", Why: "the own replicas pass for strangers, and are not promoted",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignMasterIsDown$"},
		Edits: []Edit{{"monitor/observe.go", "if m, ok := mem.(*master); ok && !i.foreign {", "if m, ok := mem.(*master); ok {"}},
	},
	{
		Name: "a ring is ended although the guard only reports", Why: "an operator who watches it sees a failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/advertised.go", "if m.ringSince == 0 || c.guardMode(m, AdvertisedGuard) != GuardOn {", "if m.ringSince == 0 {"}},
	},
	{
		Name: "a ring that was left", Why: "a master counts as down for a ring that another Sentinel has ended",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/advertised.go", "if m.ringSince != 0 && !m.attempt.InProgress() {", "if false {"}},
	},
	{
		Name: "a ring is ended at once", Why: "an operator who changes roles by hand is overtaken by a failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/advertised.go", "return m.ringSince.Add(c.disorderTime())", "return m.ringSince"}},
	},
	{
		Name: "lineage guard that only reports acts", Why: "a guard that an operator watches changes who is the master",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "if !c.replaces(m, r) {", "if !c.replaces(m, r) && false {"}},
	},
	{
		Name: "a foreign server is forgotten at a switch", Why: "it is told to follow the new master, which erases it",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignNodeStaysForeign$"},
		Edits: []Edit{{"monitor/switch.go", "r.belonging = s.belonging", "r.ownProcess = s.ownProcess"}},
	},
	{
		Name: "a foreign server is forgotten when it restarts", Why: "restarted twice, a master does not say any more whose data it has, and is erased",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignNodeStaysForeign$"},
		Edits: []Edit{{"monitor/foreign.go", "(i.proof.process == p.process || i.info.Keys)", "i.proof.process == p.process"}},
	},
	{
		Name: "histories are forgotten at a switch", Why: "a former master of another group, which started from its disk, is taken for one of nobody",
		By: ByTest, Test: [2]string{"./monitor", "^TestForeignNodeStaysForeign$"},
		Edits: []Edit{{"monitor/lineage.go", "m.left = recent{}", "m.left, m.histories = recent{}, recent{}"}},
	},
	{
		Name: "master without data is paused before a quorum sees that", Why: "the others see it only when the pause is over, and the replicas have dropped the data by then",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage_guard.go", "m.lostSince == 0 || !m.has(FlagODown) || ", "m.lostSince == 0 || "}},
	},
	{
		Name: "lost master judged by what it said before", Why: "it stays down and paused although its replicas are in sync with it, and have nothing more to save",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "	if m.outrun {\n\t\treturn nil\n\t}\n", ""}},
	},
	{
		Name: "replicas are not asked what they have got since", Why: "the first keys of a group, or those of a replica that was just filled, are lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lost.go", "r == nil && m.mayHaveLost(info) && c.compares(now, m)", "false"}},
	},
	{
		Name: "accept-empty is not used up", Why: "the next loss, which nobody wants, is accepted too",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage_guard.go", "func (c *Core) acceptLoss(m *master, r *replica) {\n\tm.cfg.AcceptEmpty = false\n", "func (c *Core) acceptLoss(m *master, r *replica) {\n"}},
	},
	{
		Name: "hello behind the pause of a master without data", Why: "it holds up the PINGs of its connection",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/lineage_guard.go", "c.holdHellos(&m.instance, now.Add(2*length))", "_ = now"}, {"monitor/lineage_guard.go", "c.holdHellos(&m.instance, max(f.until, now.Add(lossPause)))", "_ = now"}},
	},
}
