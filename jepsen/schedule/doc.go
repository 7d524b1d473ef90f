// Package schedule says what goes wrong in a run against real processes, and when, as
// data. A [Schedule] follows from a seed and the name of a [Mix] alone, so whoever has
// both has the schedule; it is written as JSON beside what came of it.
//
// A [Fault] names its target by [Role], because who the master is depends on what went
// wrong before. Where a role leaves a choice, Fault.Pick makes it. What cannot be the
// same twice is what real processes make of it.
package schedule
