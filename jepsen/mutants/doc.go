// Package mutants is a list of small faults to put into the core, each of which
// the tests must notice. Tests that find nothing prove something only if they
// would have found something: a simulator whose checks are too lenient, or whose
// worlds are too peaceful, is silent as well.
//
// A [Mutation] replaces pieces of the source text. Nothing in the core knows of
// it: the compiler is given the changed files with its -overlay option, so there
// is no switch in production code that could be left on. A test checks that the
// old text of every mutation still stands exactly once in its file, and that the
// changed files compile, so that the list cannot rot.
//
// Who has to notice a mutation is part of it ([Catcher]): the simulator within a
// number of seeds, the explorer of all interleavings, or a script or test of
// another package by name.
//
//	go run ./jepsen/cmd/sim mutants
package mutants
