package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/glob"
)

func commandCommands() []*command {
	row := func(name string, arity int, tips []string, run func(*request), since, summary string) *command {
		return &command{name: "command|" + name, arity: arity, flags: flagConn | flagAnytime, run: run, tips: tips, since: since, group: "server", summary: summary}
	}
	return []*command{
		row("count", 2, nil, func(r *request) { r.integer(int64(len(r.server.commands.shown()))) }, "2.8.13", "Returns the number of commands."),
		row("docs", -2, tipUnordered, cmdCommandDocs, "7.0.0", "Returns documentation of commands."),
		row("getkeys", -3, nil, cmdCommandGetKeys, "2.8.13", "Refuses: no command of a Sentinel has keys."),
		row("getkeysandflags", -3, nil, cmdCommandGetKeys, "7.0.0", "Refuses: no command of a Sentinel has keys."),
		row("help", 2, nil, func(r *request) { r.simples(commandHelp) }, "5.0.0", "Shows a description of the subcommands."),
		row("info", -2, tipUnordered, cmdCommandInfo, "2.8.13", "Returns information about commands."),
		row("list", -2, tipUnordered, cmdCommandList, "7.0.0", "Lists the names of the commands."),
	}
}

var commandHelp = []string{
	"COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"(no subcommand)",
	"    Show details of all commands.",
	"COUNT",
	"    Show the number of commands.",
	"DOCS [<command-name> ...]",
	"    Show the documentation of commands, by default of all.",
	"GETKEYS <full-command>, GETKEYSANDFLAGS <full-command>",
	"    Refused: no command of a Sentinel has keys.",
	"INFO [<command-name> ...]",
	"    Show details of commands, by default of all.",
	"LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
	"    Show the names of commands.",
	"HELP",
	"    Print this help.",
}

func cmdCommand(r *request) { r.commandInfos(r.server.commands.shown()) }

func cmdCommandInfo(r *request) {
	if len(r.args) == 2 {
		cmdCommand(r)
		return
	}
	if list, ok := r.namedCommands(); ok {
		r.commandInfos(list)
	}
}

// maxNames bounds the commands that one request may name. A reply repeats what is
// known of each, so it could be hundreds of times as long as the request.
const maxNames = 1024

// namedCommands returns the commands named from word 2 on, with nil for unknown
// ones. If it returns false, it has already replied.
func (r *request) namedCommands() (list []*command, ok bool) {
	if len(r.args)-2 > maxNames {
		r.fail("ERR", "too many command names: ask for at most "+strconv.Itoa(maxNames)+" at once")
		return nil, false
	}
	for i := 2; i < len(r.args); i++ {
		cmd := r.server.commands.find(r.arg(i))
		if cmd != nil && cmd.flags.has(flagHidden) {
			cmd = nil
		}
		list = append(list, cmd)
	}
	return list, true
}

func (r *request) commandInfos(list []*command) {
	r.array(len(list))
	for _, cmd := range list {
		if cmd == nil {
			r.null()
			continue
		}
		r.array(10)
		r.bulk(cmd.name)
		r.integer(int64(cmd.arity))
		r.simpleSet(cmd.flags.names())
		for range 3 {
			r.integer(0) // first key, last key, step: no command has keys
		}
		r.simpleSet(cmd.flags.categories())
		r.set(len(cmd.tips))
		for _, tip := range cmd.tips {
			r.bulk(tip)
		}
		r.set(0) // key specifications
		if len(cmd.subs) == 0 {
			r.set(0) // if there are some, Redis sends an array
		} else {
			r.commandInfos(cmd.subs)
		}
	}
}

func (r *request) simpleSet(list []string) {
	r.set(len(list))
	for _, s := range list {
		r.simple(s)
	}
}

func cmdCommandDocs(r *request) {
	list := r.server.commands.shown()
	if len(r.args) > 2 {
		named, ok := r.namedCommands()
		if !ok {
			return
		}
		list = slices.DeleteFunc(named, func(c *command) bool { return c == nil })
	}
	r.commandDocs(list)
}

func (r *request) commandDocs(list []*command) {
	r.mapping(len(list))
	for _, cmd := range list {
		r.bulk(cmd.name)
		pairs := []string{"summary", cmd.summary, "since", cmd.since, "group", cmd.group}
		if len(cmd.subs) == 0 {
			r.mapping(3)
		} else {
			r.mapping(4)
		}
		for _, s := range pairs {
			r.bulk(s)
		}
		if len(cmd.subs) > 0 {
			r.bulk("subcommands")
			r.commandDocs(cmd.subs)
		}
	}
}

func cmdCommandList(r *request) {
	keep := func(*command) bool { return true }
	switch {
	case len(r.args) == 2:
	case len(r.args) != 5 || !r.is(2, "FILTERBY"):
		r.fail("ERR", "syntax error")
		return
	case r.is(3, "MODULE"):
		keep = func(*command) bool { return false } // there are no modules
	case r.is(3, "ACLCAT"):
		category := "@" + strings.ToLower(r.arg(4))
		keep = func(c *command) bool { return slices.Contains(c.flags.categories(), category) }
	case r.is(3, "PATTERN"):
		if !r.patternFits(4) {
			return
		}
		keep = func(c *command) bool { return glob.MatchFold(r.arg(4), c.name) }
	default:
		r.fail("ERR", "syntax error")
		return
	}
	var names []string
	for _, cmd := range r.server.commands.shown() {
		if keep(cmd) {
			names = append(names, cmd.name)
		}
		for _, sub := range cmd.subs {
			if keep(sub) {
				names = append(names, sub.name)
			}
		}
	}
	r.bulks(names)
}

// cmdCommandGetKeys always replies with an error, because no command has keys.
func cmdCommandGetKeys(r *request) {
	cmd, ok := r.server.commands.lookup(r.args[2:])
	if !ok || cmd.flags.has(flagHidden) {
		r.fail("ERR", "Invalid command specified")
		return
	}
	r.fail("ERR", "The command has no key arguments")
}
