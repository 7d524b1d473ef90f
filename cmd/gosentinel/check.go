package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/words"
)

// check reports everything that would keep the Sentinel from starting with this
// configuration, and starts nothing. Ports are not tried, because the running
// Sentinel that is to be reconfigured holds them.
func (p *program) check(inv invocation) int {
	s, err := open(inv)
	if err != nil {
		fmt.Fprintln(p.stderr, checkText(inv.path, err))
		return 1
	}
	// Open has loaded the same file but does not expose the state in it.
	file, err := configrewrite.Load(inv.path, inv.overrides)
	if err != nil {
		fmt.Fprintln(p.stderr, checkText(inv.path, err))
		return 1
	}
	fmt.Fprintf(p.stdout, "%s: OK\n", file.Path())
	fmt.Fprintf(p.stdout, "  listens on: %s\n", strings.Join(listens(s.Settings()), ", "))
	if set := s.Settings().HTTP; set.Port != 0 {
		fmt.Fprintf(p.stdout, "  shows metrics and the status page on: port %d of %s\n", set.Port, strings.Join(set.Bind, " "))
	}
	fmt.Fprintf(p.stdout, "  keeps its state in: %s\n", file.StatePath())
	masters := file.State().Masters
	fmt.Fprintf(p.stdout, "  monitors %s\n", words.Count(len(masters), "master"))
	for i := range masters {
		m := masters[i]
		fmt.Fprintf(p.stdout, "    %s at %s, quorum %d, known: %s, %s\n", words.QuoteIfNeeded(m.Name),
			net.JoinHostPort(m.Addr.Host, strconv.Itoa(m.Addr.Port)), m.Quorum,
			words.Count(len(m.Replicas), "replica"), words.Count(len(m.Sentinels), "other Sentinel"))
	}
	for _, w := range s.Warnings() {
		fmt.Fprintf(p.stdout, "  warning: %s\n", w)
	}
	return 0
}

// checkText returns the number of problems and then each of them.
func checkText(path string, err error) string {
	n := len(errtext.Parts(err))
	var config *configrewrite.Error
	if errors.As(err, &config) {
		n = len(config.Problems)
	}
	return fmt.Sprintf("%s: %s\n%v", path, words.Count(n, "problem"), err)
}

// listens lists the addresses on which clients can connect.
func listens(set configrewrite.Settings) []string {
	var all []string
	if set.Port != 0 {
		all = append(all, fmt.Sprintf("port %d of %s", set.Port, strings.Join(set.Bind, " ")))
	}
	if set.TLS.Port != 0 {
		all = append(all, fmt.Sprintf("TLS port %d of %s", set.TLS.Port, strings.Join(set.Bind, " ")))
	}
	if set.UnixSocket != "" {
		all = append(all, set.UnixSocket)
	}
	return all
}
