package main

import (
	"runtime/debug"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// program lists the subcommands.
var program = cli.Program{
	Name:    "sim",
	Summary: "Plays worlds of Sentinels in virtual time and looks for a promise that breaks.",
	Commands: []cli.Command{
		runCommand,
		statsCommand,
		exploreCommand,
		mutantsCommand,
	},
}

func main() {
	// A world is small and short-lived: most of what the collector could do is to
	// look at it too early.
	debug.SetGCPercent(800)
	cli.Main(program)
}
