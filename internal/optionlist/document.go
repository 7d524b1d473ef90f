package optionlist

import (
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
)

const head = `# Options

<!-- Written by go test ./internal/optionlist -write. Do not edit. -->

Every option there is, from the tables that the program itself works with. How
to use them is told in [sentinel.toml.example](../sentinel.toml.example), which
shows each with its default.

*Name* is the word in a sentinel.conf and in commands, *key* the one in a
sentinel.toml, if it is another. A time is a number of milliseconds or seconds in
a sentinel.conf and in commands, and a text with a unit, such as "1500ms", in a
sentinel.toml. *Since* is the release of Redis that brought the option, if no
other name stands there; without an entry it is older than Redis 4.
`

var titles = map[Scope]string{
	OfMaster: `Options of a master

In a sentinel.conf, ` + "`sentinel <name> <master> <value>`" + `; in a sentinel.toml, a key of its
` + "`[[master]]`" + ` table. *SET* marks what SENTINEL SET changes at run time.
`,
	Global: `Options of this Sentinel

In a sentinel.conf, ` + "`sentinel <name> <value>`" + `; in a sentinel.toml, a key of ` + "`[sentinel]`" + `.
*CONFIG* marks what SENTINEL CONFIG SET changes and SENTINEL CONFIG GET shows.
`,
	OfProcess: `Options of the process

In a sentinel.conf, ` + "`<name> <value>`" + `; in a sentinel.toml, a key of ` + "`[server]`" + `.
`,
	OfPeriods: `Periods

For tests: SENTINEL DEBUG changes them until the next start.
`,
}

// Document returns the text of docs/options.md.
func Document() string {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range All() {
		fmt.Fprintf(&b, "\n## %s\n", titles[s.Scope])
		b.WriteString("| name | key | value | default | at run time | since | |\n|---|---|---|---|---|---|---|\n")
		for _, d := range s.Options {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n",
				names(d), key(d), value(d), byDefault(d), runTime(d), d.Since, d.Doc)
		}
	}
	return b.String()
}

func names(d option.Description) string {
	text := "`" + d.Name + "`"
	for _, a := range d.Aliases {
		text += " `" + a + "`"
	}
	return text
}

func key(d option.Description) string {
	if d.Key() == d.Name {
		return ""
	}
	return "`" + d.Key() + "`"
}

// value tells what may be written.
func value(d option.Description) string {
	text := d.Kind.String()
	switch d.Kind {
	case option.Word:
		return "`" + strings.Join(d.Words, "` `") + "`"
	case option.Duration:
		text = "milliseconds"
		if d.Unit == time.Second {
			text = "seconds"
		}
	}
	switch {
	case d.Hi != 0:
		text += fmt.Sprintf(", %d to %d", d.Lo, d.Hi)
	case d.Kind == option.Integer || d.Kind == option.Duration:
		text += fmt.Sprintf(", at least %d", d.Lo)
	}
	if d.Secret {
		text += ", secret"
	}
	return text
}

// byDefault tells the default, or nothing where one is missing and must be given.
func byDefault(d option.Description) string {
	if d.Kind == option.Integer && d.Default[0][0] == "0" && d.Lo > 0 {
		return ""
	}
	var lines []string
	for _, words := range d.Default {
		if line := strings.Join(words, " "); line != "" {
			lines = append(lines, "`"+line+"`")
		}
	}
	return strings.Join(lines, " ")
}

func runTime(d option.Description) string {
	var ways []string
	for _, w := range []struct {
		where option.Where
		name  string
	}{{option.BySet, "SET"}, {option.ByConfigSet, "CONFIG"}, {option.ByDebug, "DEBUG"}} {
		if d.Where.Has(w.where) {
			ways = append(ways, w.name)
		}
	}
	return strings.Join(ways, " ")
}
