package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseArgs(t *testing.T) {
	for _, c := range []struct {
		args  []string
		want  invocation
		fails bool
	}{
		{args: []string{"s.conf"}, want: invocation{path: "s.conf"}},
		{args: []string{"s.conf", "--sentinel"}, want: invocation{path: "s.conf"}},
		{args: []string{"s.conf", "--port", "5000"}, want: invocation{path: "s.conf", overrides: []string{`port "5000"`}}},
		{args: []string{"s.conf", "--sentinel", "--port", "5000"}, want: invocation{path: "s.conf", overrides: []string{`port "5000"`}}},
		{
			args: []string{"s.conf", "--sentinel", "monitor", "b", "127.0.0.1", "5", "2", "--loglevel", "debug"},
			want: invocation{path: "s.conf", overrides: []string{`sentinel "monitor" "b" "127.0.0.1" "5" "2"`, `loglevel "debug"`}},
		},
		{args: []string{"s.conf", "--requirepass", "--odd pass\"word"}, want: invocation{path: "s.conf", overrides: []string{`requirepass "--odd pass\"word"`}}},
		{args: []string{"s.conf", "--bind", "*", "::1", "--port", "7"}, want: invocation{path: "s.conf", overrides: []string{`bind "*" "::1"`, `port "7"`}}},
		{args: []string{"s.conf", "--requirepass", "\x01\n"}, want: invocation{path: "s.conf", overrides: []string{`requirepass "\x01\n"`}}},

		{args: []string{"s.conf", "-"}, want: invocation{path: "s.conf", stdin: true}},
		{args: []string{"-", "--port", "1"}, fails: true},
		{args: []string{"s.conf", "--port", "1", "-"}, want: invocation{path: "s.conf", stdin: true, overrides: []string{`port "1"`}}},

		{args: []string{"s.conf", "--check-config"}, want: invocation{path: "s.conf", check: true}},
		{args: []string{"--check-config", "s.conf"}, want: invocation{path: "s.conf", check: true}},
		{args: []string{"--check-config", "s.conf", "--port", "1"}, want: invocation{path: "s.conf", check: true, overrides: []string{`port "1"`}}},
		{args: []string{"s.conf", "--requirepass", "--check-config"}, want: invocation{path: "s.conf", overrides: []string{`requirepass "--check-config"`}}},
		{args: []string{"--check-config"}, fails: true},

		{args: []string{"convert", "s.conf"}, want: invocation{verb: []string{"convert", "s.conf"}}},
		{args: []string{"convert", "s.conf", "s.toml"}, want: invocation{verb: []string{"convert", "s.conf", "s.toml"}}},
		{args: []string{"convert"}, want: invocation{path: "convert"}},
		{args: []string{"convert", "-"}, want: invocation{path: "convert", stdin: true}},
		{args: []string{"convert", "--port", "1"}, want: invocation{path: "convert", overrides: []string{`port "1"`}}},
		{args: []string{"convert", "--json"}, want: invocation{verb: []string{"convert", "--json"}}},
		{args: []string{"version"}, want: invocation{verb: []string{"version"}}}, // of which there is no file
		{args: []string{"version", "--port", "1"}, want: invocation{verb: []string{"version", "--port", "1"}}},
		{args: []string{"./version", "--port", "1"}, want: invocation{path: "./version", overrides: []string{`port "1"`}}},
		{args: []string{"help"}, want: invocation{verb: []string{"help"}}},

		{args: []string{"-v"}, want: invocation{version: true}},
		{args: []string{"--version"}, want: invocation{version: true}},
		{args: []string{"-h"}, want: invocation{help: true}},
		{args: []string{"-v", "x"}, want: invocation{version: true}},
		{args: []string{"s.conf", "-v"}, fails: true},
		{args: []string{"s.conf", "port", "1"}, fails: true},
		{args: []string{"s.conf", "--", "1"}, fails: true},
		{args: []string{"-x"}, fails: true},
		{args: []string{"--port", "1"}, fails: true},
		{args: nil, fails: true},
	} {
		inv, err := parseArgs(c.args, func(path string) bool { return path == "convert" })
		if (err != nil) != c.fails {
			t.Errorf("%q: error %v", c.args, err)
			continue
		}
		if !c.fails && !reflect.DeepEqual(inv, c.want) {
			t.Errorf("%q: got %+v, want %+v", c.args, inv, c.want)
		}
	}
	if _, err := parseArgs([]string{"--port", "1"}, exists); !errors.Is(err, errNeedsFile) {
		t.Errorf("without a file: %v", err)
	}
}

func TestFlavour(t *testing.T) {
	for argv0, want := range map[string]flavour{
		"gosentinel": plain, "/usr/bin/redis-sentinel": asRedis, "./redis-sentinel-7": asRedis, "valkey-sentinel": asValkey,
		"/opt/redis-sentinel/gosentinel": plain,
	} {
		if got := flavourOf(argv0); got != want {
			t.Errorf("%s: %v", argv0, got)
		}
	}
}

// TestCommandsWithoutArguments: a command that was told nothing says how it is used, and
// is not taken for a file that is missing. One that is there is taken.
func TestCommandsWithoutArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, c := range map[string]struct {
		status int
		stderr string
	}{
		"convert": {1, "convert takes a file to read"},
		"history": {1, "history takes a file or an address"},
		"mock":    {2, "Usage: gosentinel mock -script"},
		"proxy":   {2, "Usage: gosentinel proxy [-check] FILE"},
		"agent":   {2, "it takes a FILE"},
	} {
		if got := runProgram(t, "", "gosentinel", name); got.status != c.status || got.stdout != "" || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("%s: %+v", name, got)
		}
		writeFile(t, ".", name, "nonsense\n")
		if got := runProgram(t, "", "gosentinel", name); got.status != 1 || !strings.Contains(got.stderr, "'nonsense'") {
			t.Errorf("a file called %s: %+v", name, got)
		}
	}
	// A word cannot follow a file.
	if got := runProgram(t, "", "gosentinel", "mock", "old-master"); got.status != 2 || !strings.Contains(got.stderr, "Usage: gosentinel mock -script") {
		t.Errorf("mock with a word: %+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "proxy", "--help"); got.status != 0 || !strings.HasPrefix(got.stderr, "Usage: gosentinel proxy") {
		t.Errorf("proxy --help: %+v", got)
	}
	for _, args := range [][]string{{"a", "b", "c"}, {"-x"}, {"--help"}} {
		if got := runProgram(t, "", append([]string{"gosentinel", "convert"}, args...)...); got.status != 1 || !strings.Contains(got.stderr, "convert takes a file to read") {
			t.Errorf("convert %q: %+v", args, got)
		}
	}
}

// TestVerbs: what concerns all commands.
func TestVerbs(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, c := range map[string]struct {
		status         int
		stdout, stderr string // beginnings; "" is nothing at all
	}{
		"gosentinel":                            {1, "", "gosentinel runs a Sentinel with a configuration file, or one of its commands:\n"},
		"gosentinel help":                       {0, "Usage: gosentinel <config-file>", ""},
		"gosentinel help version":               {0, "Usage: gosentinel version", ""},
		"gosentinel help history":               {0, "Usage: gosentinel history FILE|ADDRESS", ""},
		"gosentinel help nothing":               {2, "", "gosentinel: unknown command \"nothing\" for \"gosentinel\"\nTry gosentinel help.\n"},
		"gosentinel version":                    {0, "gosentinel v=", ""},
		"redis-sentinel version":                {0, "Redis server v=7.", ""},
		"gosentinel __complete /etc/gosen":      {0, ":0\n", "Completion ended"}, // files again
		"gosentinel __complete doctor --off":    {0, "--offline\t", "Completion ended"},
		"gosentinel __complete switchover m":    {0, ":4\n", "Completion ended"}, // no files
		"gosentinel __complete help hist":       {0, "history\t", "Completion ended"},
		"gosentinel version now":                {2, "", "gosentinel: unknown command \"now\" for \"gosentinel version\"\nTry gosentinel version --help.\n"},
		"gosentinel version --port 1":           {2, "", "gosentinel: unknown flag: --port\n"},
		"gosentinel completion bash":            {0, "# bash completion V2 for gosentinel", ""},
		"gosentinel completion zsh":             {0, "#compdef gosentinel", ""},
		"gosentinel completion fish":            {0, "# fish completion for gosentinel", ""},
		"gosentinel __complete ver":             {0, "version\tthe version\n:", "Completion ended"},
		"gosentinel __complete history --cac":   {0, "--cacert\t", "Completion ended"},
		"gosentinel __complete history s.c":     {0, ":0\n", "Completion ended"}, // the shell's own: files
		"gosentinel __complete agent --dry-run": {0, "--dry-run\t", "Completion ended"},
	} {
		got := runProgram(t, "", strings.Fields(line)...)
		if got.status != c.status || !strings.HasPrefix(got.stdout, c.stdout) || !strings.HasPrefix(got.stderr, c.stderr) ||
			(c.stdout == "") != (got.stdout == "") || (c.stderr == "") != (got.stderr == "") {
			t.Errorf("%s: %d\nstdout %.200s\nstderr %.200s", line, got.status, got.stdout, got.stderr)
		}
	}
	// Under the name of redis-sentinel all is as there, and a word that looks like a command
	// gets a hint beside the message that tools look for.
	if got := runProgram(t, "", "redis-sentinel"); got.status != 1 || !strings.Contains(got.stdout, errNeedsFile.Error()) || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "histroy"); got.status != 1 || !strings.Contains(got.stdout, "histroy': No such file or directory") ||
		got.stderr != "gosentinel: there is no file \"histroy\"; is the command history meant?\n" {
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "doctr", "10.0.0.1:26379"); got.status != 1 || !strings.HasSuffix(got.stderr, "is the command doctor meant?\n") {
		t.Errorf("%+v", got)
	}
}
