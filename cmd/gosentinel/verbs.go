package main

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gosentinel/sentinel/internal/words"
)

// hint is what a command line says to do that says nothing.
const hint = `gosentinel runs a Sentinel with a configuration file, or one of its commands:

  gosentinel /etc/gosentinel/sentinel.conf    run a Sentinel
  gosentinel help                             all commands, and how to write a file

A first file needs one line, with the name and address of the master and the quorum:

  sentinel monitor mymaster 10.0.0.1 6379 2
`

// verbs returns the words that may stand in place of the file, and whether flags of the command
// have one dash.
func verbs() map[string]bool {
	all := map[string]bool{cobra.ShellCompRequestCmd: false, cobra.ShellCompNoDescRequestCmd: false}
	for _, c := range (&program{}).tree().Commands() {
		all[c.Name()] = c.DisableFlagParsing
	}
	return all
}

// isVerb reports whether a command line is one of a command. A file may be called like one as
// well: it is meant if nothing, "-" or an option of redis-sentinel follows, of which none is
// called help or json, and the file is there, or flags of the command have one dash.
func isVerb(args []string, exists func(path string) bool) bool {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return false
	}
	oneDash, known := verbs()[args[0]]
	switch {
	case !known:
		return false
	case len(args) == 1:
		return !exists(args[0])
	case args[1] == "-", strings.HasPrefix(args[1], "--") && args[1] != "--help" && args[1] != "--json":
		return !oneDash && !exists(args[0])
	}
	return true
}

// misspelt returns the command that a word most likely means, or "".
func misspelt(word string) string {
	if strings.ContainsAny(word, "./") {
		return ""
	}
	return words.Nearest(word, slices.Sorted(maps.Keys(verbs())))
}

// askVerb asks whether a command is meant, where there is no such file.
func (p *program) askVerb(file string) {
	if verb := misspelt(file); verb != "" && !exists(file) {
		fmt.Fprintf(p.stderr, "gosentinel: there is no file %s; is the command %s meant?\n", words.Quote(file), verb)
	}
}

// command carries out a command that is none of redis-sentinel.
func (p *program) command(args []string) int {
	root := p.tree()
	root.SetArgs(args)
	status := 0
	p.ended = func(s int) { status = s }
	cmd, err := root.ExecuteC()
	if err != nil {
		try := "gosentinel help"
		if cmd.HasParent() && cmd.Name() != "help" {
			try = cmd.CommandPath() + " --help"
		}
		fmt.Fprintf(p.stderr, "gosentinel: %v\nTry %s.\n", err, try)
		return 2
	}
	return status
}

// tree returns all commands.
func (p *program) tree() *cobra.Command {
	root := &cobra.Command{
		Use: "gosentinel", Short: "Sentinel for Redis and Valkey", Long: usage,
		SilenceErrors: true, SilenceUsage: true,
		// The first word may also be a file.
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { p.help(c) })
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(
		p.doctor(),
		p.status(),
		p.top(),
		p.switchover(),
		p.forget(),
		p.flat("the same configuration, state included, in the other format", convertUsage, flag.NewFlagSet("", 0), p.convert),
		p.flat("why and how the last failovers happened", historyUsage, new(history).flags(), p.history),
		p.flat("Sentinels that misbehave, for the tests of client libraries", mockUsage, new(mockCommand).flags(), p.mock),
		p.flat("a proxy for clients that know nothing of Sentinels", proxyUsage, proxyFlags(new(bool)), p.proxy),
		p.flat("keeps other programs pointed at the masters", agentUsage, agentFlags(), p.agent),
		&cobra.Command{
			Use: "version", Short: "the version", Args: cobra.NoArgs,
			Run: func(*cobra.Command, []string) { fmt.Fprintln(p.stdout, p.version()) },
		},
	)
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "how a command is used", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err == nil && len(rest) == 0 {
				p.help(c)
			}
			return err
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) (list []string, _ cobra.ShellCompDirective) {
			for _, c := range root.Commands() {
				if len(args) == 0 && !c.Hidden && strings.HasPrefix(c.Name(), word) {
					list = append(list, c.Name()+"\t"+c.Short)
				}
			}
			return list, cobra.ShellCompDirectiveNoFileComp
		},
	})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("")
	return root
}

func agentFlags() *flag.FlagSet {
	flags, _ := new(agentCommand).flags()
	return flags
}

// flat returns a command that reads its own flags, which may have one dash.
func (p *program) flat(short, usage string, flags *flag.FlagSet, run func(args []string) int) *cobra.Command {
	head, long, _ := strings.Cut(usage, "\n\n")
	use, _, _ := strings.Cut(strings.TrimPrefix(head, "Usage: gosentinel "), "\n")
	c := &cobra.Command{
		Use: use, DisableFlagsInUseLine: true, Short: short, Long: strings.TrimSpace(long), DisableFlagParsing: true,
		Run: func(_ *cobra.Command, args []string) { p.ended(run(args)) },
	}
	c.Flags().AddGoFlagSet(flags)
	c.Flags().Bool("help", false, "how it is used") // the -h of the agent is another flag
	c.Annotations = map[string]string{usageText: usage}
	c.ValidArgsFunction = func(_ *cobra.Command, _ []string, word string) (list []string, _ cobra.ShellCompDirective) {
		if strings.HasPrefix(word, "-") {
			c.Flags().VisitAll(func(f *pflag.Flag) { list = append(list, "--"+f.Name+"\t"+f.Usage) })
		}
		return list, cobra.ShellCompDirectiveDefault
	}
	return c
}

// usageText is the annotation of a command whose usage is written by hand.
const usageText = "usage"

// help says how a command is used, on standard output.
func (p *program) help(c *cobra.Command) {
	if !c.HasParent() {
		fmt.Fprint(p.stdout, usage)
		return
	}
	head := c.Annotations[usageText]
	if head == "" {
		head = "Usage: " + c.UseLine() + "\n\n" + cmp.Or(c.Long, c.Short)
	}
	for _, text := range []string{head, c.Example, c.Flags().FlagUsages()} {
		if text != "" {
			fmt.Fprintf(p.stdout, "%s\n\n", strings.TrimRight(text, "\n"))
		}
	}
}
