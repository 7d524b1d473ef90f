package main

import (
	"os"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// program lists the subcommands.
var program = cli.Program{
	Name:    "bench",
	Summary: "Measures Sentinels as real processes.",
	Commands: []cli.Command{
		failoverCommand,
		plannedCommand,
		promoteCommand,
		returnsCommand,
		proxyCommand,
		agreementCommand,
		mixedCommand,
		tableCommand,
	},
}

// miniCommand is the hidden first argument that turns this program into the embedded
// server. Each server is a process of its own.
const miniCommand = "mini-redis"

func main() {
	if len(os.Args) > 1 && os.Args[1] == miniCommand {
		os.Exit(fakeredis.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == fleetCommand {
		os.Exit(fleet.Main(os.Args[2:]))
	}
	cli.Main(program)
}
