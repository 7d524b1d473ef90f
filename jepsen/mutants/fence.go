package mutants

// fence are those of the return fence.
var fence = []Mutation{
	{
		Name: "fence of a Sentinel that was cut off", Why: "the rightful master is paused by one that has not heard that it is that again",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/confirm.go", "	if len(asked) < needed {\n\t\treturn 0\n\t}\n", "	if len(asked) < needed {\n\t\treturn Never\n\t}\n"}},
	},
	{
		Name: "fence under an older configuration", Why: "the same, when one of the others has a later one",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/confirm.go", "	case p.told.epoch > m.configEpoch:\n\t\t\treturn 0\n", "	case false:\n"}},
	},
	{
		Name: "fence confirmed by when an answer came", Why: "an answer that was on its way during a partition confirms nothing",
		By: ByTest, Test: [2]string{"./monitor", "^TestConfirmed$"},
		Edits: []Edit{{"monitor/confirm.go", "p.told = toldConfig{in.Epoch, p.configAsked}", "p.told = toldConfig{in.Epoch, c.now}"}},
	},
	{
		Name: "returned master held without end", Why: "a fence that is wrong costs the writes of a whole group",
		By: ByTest, Test: [2]string{"./monitor", "^TestReturnLimit$"},
		Edits: []Edit{{"monitor/return_fence.go", "return e.serving != 0 && now >= e.serving.Add(returnLimit)", "return false"}},
	},
	{
		Name: "returned master held anew whenever it seems down", Why: "two that wait for the end of each other's pause hold it without end",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/return_fence.go", "e.lostAt, e.Lost, e.over, e.back, e.gone = now, c.wall(now), false, false, false", "e.lostAt, e.Lost, e.over, e.back, e.gone, e.serving = now, c.wall(now), false, false, false, 0"}},
	},
	{
		Name: "hello behind the pause of another Sentinel", Why: "the PINGs behind it are not answered, and the server seems to be down",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/hold.go", "until := c.quietAt(i)", "until := Instant(0)"}},
	},
	{
		Name: "hello behind the pause of another guard", Why: "the end of one pause is taken for the end of all, and the PINGs behind the hello are not answered",
		By: ByTest, Test: [2]string{"./monitor", "^TestHoldsApart$"},
		Edits: []Edit{{"monitor/hold.go", "return h.at == o.at && h.by == o.by", "return h.at == o.at"}},
	},
	{
		Name: "voter lost while its place is taken", Why: "who has one other alone takes itself for the majority until it hears of each master",
		By: ByTest, Test: [2]string{"./monitor", "^TestSuccessorIsAVoterEverywhere$"},
		Edits: []Edit{{"monitor/peer.go", "append([]awaited{{id: successor, until: now.Add(3 * c.tun.PublishPeriod)}}, m.awaited...)", "m.awaited"}, {"monitor/peer.go", "replacePeer(now Instant, id, successor RunID)", "replacePeer(_ Instant, id, _ RunID)"}},
	},
	{
		Name: "stranger by an old file", Why: "a master that returns with what it saved before the last failover takes writes for eight seconds",
		By: ByTest, Test: [2]string{"./monitor", "^TestReturnFromAnOldFile$"},
		Edits: []Edit{{"monitor/return_fence.go", "id == e.History || m.hasHad(id)", "id == e.History || id == m.lineage.ReplID || id == m.lineage.ReplID2"}},
	},
	{
		Name: "promotion of a paused replica", Why: "what it has read and not applied is lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestHeldBack$"},
		Edits: []Edit{{"monitor/return_fence.go", "(r.infoSent < f.until || r.infoRefresh < r.infoSent || r.applies())", "(r.applies())"}},
	},
	{
		Name: "server paused whose connections were closed", Why: "at the end of a planned switchover its clients would wait, and be cut without a reply",
		By: ByTest, Test: [2]string{"./monitor", "^TestPausedWhenGone$"},
		Edits: []Edit{{"monitor/return_fence.go", "seen := !e.gone || ", "seen := "}},
	},
	{
		Name: "returned master whose time does not run", Why: "after TILT it would be held for ten seconds more",
		By: ByTest, Test: [2]string{"./monitor", "^TestReturnInTilt$"},
		Edits: []Edit{{"monitor/fence.go", "\t\t\t\tf.m.serves(now, f.at, in.Info)\n", ""}},
	},
	{
		Name: "server fenced that is being promoted", Why: "a failover that makes a former master the master again is undone as soon as it is done",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/return_fence.go", "|| now < m.mandateEnds() ", ""}},
	},
	{
		Name: "paused replica passed over", Why: "another one is promoted, which may lack far more than what it has read",
		By: ByTest, Test: [2]string{"./monitor", "^TestHeldBackIsWaitedFor$"},
		Edits: []Edit{{"monitor/selection.go", "	if k < 0 {\n\t\treturn f\n", "	for k >= 0 && f.of[k].heldBack(now) {\n\t\tf.of, f.cs = f.of[:k], f.cs[:k]\n\t\tk = election.Select(f.rules, f.cs)\n\t}\n\tif k < 0 {\n\t\treturn f\n"}},
	},
	{
		Name: "clients disconnected before the pause ends", Why: "whoever waits does not learn that it has not written",
		By: ByTest, Test: [2]string{"./monitor", "^TestFenceDemotes$"},
		Edits: []Edit{{"monitor/fence.go", "case f.paused(now) && o.mayEndPause && f.refused == \"\":", "case false:"}, {"monitor/fence.go", "	case f.paused(now):\n", "	case false:\n"}},
	},
	{
		Name: "server with modules paused", Why: "some modules crash under a pause",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/return_fence.go", "	if info.Modules {", "	if false {"}},
	},
	{
		Name: "master after a power cut not held", Why: "what clients write to one that was replaced meanwhile is lost",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/cold_start.go", "	if k.runID == \"\" || k.over ||", "	if true || k.over ||"}},
	},
}
