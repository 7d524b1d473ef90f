package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Command is a program with its arguments, or a line for the shell. The zero value is
// not set.
type Command struct {
	args  []string
	shell string
	none  bool // it was set to nothing on purpose
}

// Program returns a command that runs a program. {file} in an argument stands for the
// file that is concerned.
func Program(args ...string) Command { return Command{args: args} }

// Shell returns a command for the shell. {file} stands for the file that is concerned,
// quoted.
func Shell(line string) Command { return Command{shell: line} }

// None returns a command that does nothing, for where there is a default.
func None() Command { return Command{none: true} }

// UnmarshalTOML reads ["program", "argument"], or a text for the shell.
func (c *Command) UnmarshalTOML(value any) error {
	*c = Command{}
	switch v := value.(type) {
	case string:
		c.shell = v
	case []any:
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				return errors.New(`a command is ["program", "argument"], or "a line for the shell"`)
			}
			c.args = append(c.args, s)
		}
	default:
		return errors.New(`a command is ["program", "argument"], or "a line for the shell"`)
	}
	c.none = c.shell == "" && len(c.args) == 0
	return nil
}

// or returns the command, or another one if it is not set.
func (c Command) or(other Command) Command {
	if !c.set() && !c.none {
		return other
	}
	return c
}

// set reports whether there is something to run.
func (c Command) set() bool { return c.shell != "" || len(c.args) > 0 }

// String returns the command for a message.
func (c Command) String() string {
	if c.shell != "" {
		return c.shell
	}
	return strings.Join(c.args, " ")
}

const (
	// commandTimeout is how long a command may take if nothing else is set.
	commandTimeout = 30 * time.Second
	// maxOutput is how much of a command's output is kept.
	maxOutput = 16 << 10
	// killGrace is how long what a command has left behind may keep its output open: an init
	// script starts daemons that do so for ever.
	killGrace = 200 * time.Millisecond
)

// run runs the command and returns what it has printed. file takes the place of
// {file}; env is added to the environment.
func (c Command) run(ctx context.Context, file string, env []string, timeout time.Duration) (string, error) {
	if timeout == 0 {
		timeout = commandTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := shellOf(strings.ReplaceAll(c.shell, "{file}", shellQuote(file)))
	if c.shell == "" {
		args = nil
		for _, a := range c.args {
			args = append(args, strings.ReplaceAll(a, "{file}", file))
		}
	}
	path, err := find(args[0])
	if err != nil {
		return "", err
	}
	var out tail
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = killGrace
	ownGroup(cmd)
	err = cmd.Run()
	text := strings.TrimRight(string(bytes.ToValidUTF8(out.kept, []byte("?"))), "\n")
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // it was well, and has left a daemon behind that has its output
	case ctx.Err() == context.DeadlineExceeded:
		err = fmt.Errorf("%s has not ended within %v", c, timeout)
	case err != nil:
		err = fmt.Errorf("%s: %w", c, err)
	}
	if err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, lastLines(text, 5))
	}
	return text, err
}

// find looks for a program in PATH, and in the directories for daemons, which users
// other than root often do not have there.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil || strings.ContainsRune(program, filepath.Separator) {
		return path, err
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no program %q in PATH", program)
}

// tail keeps the last bytes that are written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxOutput; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// lastLines returns the end of a text as one line.
func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
