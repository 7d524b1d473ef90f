package main

import "github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"

// program lists the subcommands.
var program = cli.Program{
	Name:    "bench",
	Summary: "Measures Sentinels as real processes.",
	Commands: []cli.Command{
		failoverCommand,
		plannedCommand,
		promoteCommand,
		agreementCommand,
		mixedCommand,
	},
}

func main() { cli.Main(program) }
