package main

import "github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"

var program = cli.Program{
	Name:    "jepsen",
	Summary: "Plays schedules of faults against real Redis servers and Sentinels, and judges what came of it.",
	Commands: []cli.Command{
		{Name: "run", Args: "[SCHEDULE.json ...]", Summary: "play schedules, drawn from seeds or from files", Text: runText, New: func() cli.Task { return &run{} }, More: mixes},
		{Name: "list", Summary: "print the mixes and kinds of faults", New: func() cli.Task { return &list{} }},
	},
}

func main() { cli.Main(program) }
