// Package monitor is the heart of the Sentinel: a pure, deterministic core that
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
// input.go and effect.go are the seam. core.go takes the inputs and runs the
// timers, disk.go gates effects on the disk. links.go and periodic.go keep the
// connections and the regular traffic, observe.go and hellos.go take in what
// servers and peers say, gossip.go what comes over the second, faster way between
// peers, and conflict.go notices two with one id. down.go judges, failover.go
// acts, reset.go switches addresses, calls.go serves operators and views.go shows
// them the state; audit.go lets a simulator look inside. The rules are those of
// state-machine.md; section numbers are in the comments.
package monitor
