// Package monitor is the core of the Sentinel: pure, deterministic code that
// watches masters, replicas and other Sentinels, decides what is down, and
// carries out failovers. It does no input or output, starts no goroutine, takes
// no lock, and reads neither a clock nor a global source of randomness: the
// same inputs at the same instants always give the same effects. That makes
// years of failovers testable in minutes, and every one of them repeatable.
//
// # Driving a core
//
// A shell owns a [Core] and feeds it from one goroutine:
//
//	core, err := monitor.New(clock(), monitor.Params{State: saved, Port: 26379, Seed: seed})
//	var out monitor.Effects
//	for {
//		in := receive(core.NextDeadline()) // or a Tick when the deadline is reached
//		core.Step(clock(), in)             // as many as are waiting
//		core.Drain(&out)                   // once per batch
//		for _, e := range out.Free {
//			do(e) // never blocks
//		}
//		if out.Persist != nil {
//			save(out.Persist) // in the background; then do its Then, then Step(Persisted)
//		}
//	}
//
// # What must survive
//
// Votes and configurations are promises. The effects that make one known exist
// only inside the [Persist] that makes it durable, in its field Then, so that
// they cannot leave earlier. When a save fails, the core answers what was
// waiting without making the promise, gives no new vote, and tries again.
//
// # Where to read on
//
// input.go and effect.go are the seam: what a core is told, and what it wants
// done. op.go holds the commands of operators. core.go takes one input at a time
// and runs timers; disk.go keeps effects back until the state is saved.
//
//   - Who is there: master.go, replica.go, peer.go and instance.go hold the
//     records, index.go and names.go find them by address and by host name, and
//     conflict.go notices two Sentinels with one id.
//   - What is asked and heard: link.go keeps connections and sends PING,
//     periodic.go sends INFO, observe.go takes in the replies, announce.go sends
//     hellos and peer.go takes them in. gossip.go is the second, faster way
//     between peers. The codecs are info.go and hello.go.
//   - What is decided: judge.go looks at one master. down.go decides S_DOWN and
//     O_DOWN, ask.go asks the peers, vote.go answers them and grants votes,
//     elect.go runs elections, failover.go goes through the phases of an attempt,
//     which are promote.go, reconf.go and switch.go. repair.go corrects servers
//     that have the wrong role or master, and tilt.go suspends judgement.
//   - What operators see and do: query.go shows the state as the views of view.go,
//     event.go tells what happened, calls.go carries out commands, reset.go
//     forgets.
//
// Files named sim_*.go look into a core or steer it. Only simulators and tests
// call what they export.
//
// The rules are those of state-machine.md; section numbers are in the comments.
package monitor
