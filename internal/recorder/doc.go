// Package recorder writes down what goes into a core and what comes out of it,
// and plays it back: the same inputs at the same instants have the same effects.
//
//	rec := recorder.New(w, recorder.DefaultLimit)
//	core, err := rec.NewCore(now, params)
//	…
//	rec.Step(core, now, input)  // in place of core.Step
//	rec.Drain(core, &effects)   // in place of core.Drain
//
// A nil *Recorder does the same without writing anything, so that a shell has one
// path for both.
//
// A record is text, one JSON object to a line: first the arguments of the core,
// then inputs and drains in order. It holds passwords as they are: it is no log,
// and belongs into a file that only its owner may read.
package recorder
