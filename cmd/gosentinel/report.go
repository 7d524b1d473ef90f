package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/internal/words"
	"github.com/gosentinel/sentinel/monitor"
)

// badUsage reports a mistake in the command line.
func (p *program) badUsage(err error) int {
	if errors.Is(err, errNeedsFile) {
		p.logLine(err.Error())
	} else {
		fmt.Fprintf(p.stderr, "gosentinel: %v\nTry gosentinel --help.\n", err)
	}
	return 1
}

// logLine writes a log line to standard output, which is the log until the
// configuration has been read.
func (p *program) logLine(text string) {
	w, err := logfile.New(logfile.Config{Stdout: p.stdout})
	if err != nil {
		return // impossible without a path
	}
	w.Log(monitor.LevelWarning, text)
	if err := w.Close(context.Background()); err != nil {
		fmt.Fprintln(p.stderr, err)
	}
}

// reportOpen reports why a Sentinel cannot start, in the form and the place where
// tools that start redis-sentinel look for it: mistakes in the configuration as a
// block on standard error, anything else in the log.
func (p *program) reportOpen(inv invocation, err error) {
	var config *configrewrite.Error
	if !errors.As(err, &config) {
		for _, e := range errtext.Parts(err) {
			p.logLine(startText(e))
		}
		return
	}
	if first := config.Problems[0]; first.Line == 0 && strings.HasPrefix(first.Message, "Fatal error") {
		p.logLine(openFailure(inv.path, first.Message))
		return
	}
	p.fatalBlock(inv, config)
}

// startText returns one reason in redis-sentinel's words.
func startText(err error) string {
	var file *configrewrite.NotWritableError
	if errors.As(err, &file) && !file.Dir {
		return fmt.Sprintf("Sentinel config file %s is not writable: %s. Exiting...", file.Path, errtext.Cause(file.Err))
	}
	return err.Error()
}

// openFailure returns why the configuration file cannot be read, with the
// system's error as C programs print it, or message if the file can be read now.
func openFailure(path, message string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return message
	}
	if _, err := os.ReadFile(abs); err != nil {
		return fmt.Sprintf("Fatal error, can't open config file '%s': %s", abs, errtext.Cause(err))
	}
	return message
}

// fatalBlock writes the block that redis-sentinel writes for the first mistake,
// and then all mistakes with advice.
func (p *program) fatalBlock(inv invocation, config *configrewrite.Error) {
	product := "Redis " + node.RedisVersion
	if p.flavour == asValkey {
		product = "Version " + valkeyVersion
	}
	first := config.Problems[0]
	fmt.Fprintf(p.stderr, "\n*** FATAL CONFIG FILE ERROR (%s) ***\n", product)
	if line := lineOf(inv, first); line > 0 {
		fmt.Fprintf(p.stderr, "Reading the configuration file, at line %d\n>>> '%s'\n", line, first.Text)
	}
	fmt.Fprintf(p.stderr, "%s\n\ngosentinel %s found %s:\n%v\n", first.Message, node.Build(), words.Count(len(config.Problems), "problem"), config)
}

// lineOf returns the line number of a problem as redis-sentinel counts lines:
// file, standard input and options are one text, with an additional line end
// after the file.
func lineOf(inv invocation, p configrewrite.Problem) int {
	if p.File != "command line" {
		return p.Line
	}
	text, err := os.ReadFile(inv.path)
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("\n")) + 1 + p.Line
}
