// Package cli is the head of the programs below jepsen/cmd: subcommands with
// flags of their own, the text of -h, progress lines, the end by Ctrl-C, and exit
// codes. A program is a table of commands, and adding one is adding a row:
//
//	var program = cli.Program{
//		Name:    "sim",
//		Summary: "Plays Sentinels in virtual time.",
//		Commands: []cli.Command{
//			{Name: "run", Summary: "play seeds", New: func() cli.Task { return &run{} }},
//		},
//	}
//
//	func main() { cli.Main(program) }
//
// A [Task] declares its flags, checks them, and does the work.
//
// # Exit codes
//
// 0 means that all is well, 1 that something was found or went wrong, 2 that the
// command line is wrong. A task that needs another one returns an [ExitCode].
//
// # Ctrl-C
//
// The first Ctrl-C, or a SIGTERM, ends the context of the task, which then prints
// what it has so far. The second one ends the program at once.
//
// # Where things are printed
//
// Results go to the standard output. Progress and errors go to the standard error
// output, so that results can be kept in a file.
package cli
