package mutants

// policy are those of pauses, and of what the program around a core says to failovers.
var policy = []Mutation{
	{
		Name: "attempt while failovers are paused", Why: "a failover in the middle of a maintenance",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/elect.go", "m.promise.until, c.delayedByPause(now, m))", "m.promise.until)"}},
	},
	{
		Name: "vote while failovers are paused", Why: "a Sentinel that has not heard of the pause makes a failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/vote.go", "case m.refusesForPause(now):", "case false:"}},
	},
	{
		Name: "pause not saved", Why: "a restart ends it, and an operator does not know",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/state.go", "ms.Pause = m.pause.FailoverPause", "ms.Pause = FailoverPause{}"}},
	},
	{
		Name: "older word about failovers taken", Why: "a Sentinel that was away brings a pause back that is over",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/failover_pause.go", "return p.Version > o.Version || p.Version == o.Version && p.By > o.By", "return p.Version != o.Version || p.By != o.By"}},
	},
	{
		Name: "pause not passed on", Why: "it holds for one Sentinel, and another makes the failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/failover_pause.go", "case t.version == m.pause.Version && now < t.due:", "case true:"}},
	},
	{
		Name: "veto of the policy ignored", Why: "a failover that the control plane has forbidden",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/policy.go", "p.held = now.Add(vetoTime)", "p.goes = now.Add(vetoTime)"}},
	},
	{
		Name: "attempt before the policy has answered", Why: "its veto comes too late",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/elect.go", "if now < held {\n\t\treturn held", "if false {\n\t\treturn held"}},
	},
	{
		Name: "order of the policy before the data", Why: "an empty replica is promoted because it is preferred",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"election/selection.go", "best < 0 || s > standing || s == standing && better", "best < 0 || s > standing && c.Rank == 0 || better"}},
	},
	{
		Name: "late answer of the policy taken", Why: "it decides about another failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/policy.go", "if in.Seq != 0 && in.Seq == m.policy.choice.seq {", "if in.Seq != 0 {"}},
	},
	{
		Name: "policy that is silent awaited for ever", Why: "a hook that hangs keeps a master from its failover",
		By: ByTest, Test: [2]string{"./monitor", "^TestScripts$"},
		Edits: []Edit{{"monitor/policy.go", "case now < p.allow.due:", "case true:"}},
	},
	{
		Name: "a policy delays for ever", Why: "one answer of a broken policy, and a master stays down",
		By: ByTest, Test: [2]string{"./monitor", "^TestLongestDelay$"},
		Edits: []Edit{{"monitor/policy.go", "a.For = min(a.For, MaxFailoverPause)", "a.For = min(a.For, a.For)"}},
	},
}
