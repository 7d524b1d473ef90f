// Package reporter makes a report of each failover, from what a core has carried out.
//
//	rep := reporter.New(reporter.Config{ID: myID, Wall: wall, Report: keep})
//	…
//	rep.Effect(now, effect) // each, when it is carried out
//	rep.Advance(now)        // now and then
//
// It is as pure as the core: no clock, no input or output. The same effects at the same
// instants give the same reports, so the simulator compares them with what has happened
// in its worlds. It only listens: nothing that it does reaches the core.
package reporter
