package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func command(t *testing.T, name string) cli.Command {
	t.Helper()
	i := slices.IndexFunc(program.Commands, func(c cli.Command) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no subcommand %s", name)
	}
	return program.Commands[i]
}

// refused checks that these command lines are wrong, and that -h is fine.
func refused(t *testing.T, name string, lines ...string) {
	t.Helper()
	var out bytes.Buffer
	for _, args := range lines {
		if code := program.Run(t.Context(), append([]string{name}, strings.Fields(args)...), cli.Streams{Out: &out, Info: &out}); code != 2 {
			t.Errorf("%s %q: exit code %d", name, args, code)
		}
	}
	out.Reset()
	if code := program.Run(t.Context(), []string{name, "-h"}, cli.Streams{Out: &out, Info: &out}); code != 0 || !strings.Contains(out.String(), "-runs int") {
		t.Errorf("%s -h: exit code %d\n%s", name, code, &out)
	}
}

// parsed returns the task with its flags.
func parsed[T cli.Task](t *testing.T, name string, args ...string) T {
	t.Helper()
	task := command(t, name).New()
	if err := cli.Parse(task, args...); err != nil {
		t.Fatal(err)
	}
	return task.(T)
}
