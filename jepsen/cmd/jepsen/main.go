package main

import "github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"

var program = cli.Program{
	Name:    "jepsen",
	Summary: "Plays schedules of faults against real Redis servers and Sentinels, and judges what came of it.",
	Commands: []cli.Command{
		{Name: "run", Args: "[SCHEDULE.json ...]", Summary: "play schedules, drawn from seeds or from files", Text: runText, New: func() cli.Task { return &run{} }, More: mixes},
		{Name: "compare", Summary: "play the same schedules with gosentinel and with stock Sentinels", Text: compareText, New: func() cli.Task { return &compare{} }, More: mixes},
		{Name: "prove", Summary: "build faults into gosentinel; the checks must find each", Text: proveText, New: func() cli.Task { return &prove{} }},
		{Name: "list", Summary: "print the mixes and kinds of faults", New: func() cli.Task { return &list{} }},
		{Name: "judge", Args: "DIR ...", Summary: "judge what earlier runs have left again", New: func() cli.Task { return &judge{} }},
	},
}

func main() { cli.Main(program) }
