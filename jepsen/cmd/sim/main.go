package main

import "github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"

// program lists the subcommands.
var program = cli.Program{
	Name:    "sim",
	Summary: "Plays worlds of Sentinels in virtual time and looks for a promise that breaks.",
	Commands: []cli.Command{
		runCommand,
		statsCommand,
		exploreCommand,
		mutantsCommand,
		replayCommand,
	},
}

func main() { cli.Main(program) }
