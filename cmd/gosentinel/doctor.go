package main

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/errtext"
)

const doctorText = `Says what will not work, most dangerous first, each with the command that mends it.

It reads the FILE as a start would do it, and asks the Sentinel of that file, all others of
its masters, and all servers. With ADDRESSes alone no file is read. Nothing is changed: what
the user of the Sentinels may do at a server is tried in a transaction that is dropped.
` + reachText + `

Status: 0 nothing to mend, 1 warnings, 2 a failover would not work or go wrong, or nothing
could be found out. docs/doctor.md lists all findings.`

const doctorExample = `  gosentinel doctor /etc/gosentinel/sentinel.conf
  gosentinel doctor --offline sentinel.toml
  gosentinel doctor 10.0.0.5 10.0.0.6:26379 --json`

// doctor returns the command of that name.
func (p *program) doctor() *cobra.Command {
	r := &reach{}
	var asJSON, offline bool
	c := &cobra.Command{
		Use: "doctor [FILE] [ADDRESS...]", Short: "what will not work, and what mends it", Long: doctorText, Example: doctorExample,
		RunE: func(_ *cobra.Command, args []string) error {
			report, err := examine(r, args, offline)
			if err == nil && asJSON {
				err = report.JSON(p.stdout)
			} else if err == nil {
				err = report.Print(p.stdout)
			}
			if err == nil {
				p.ended(report.Status())
			}
			return err
		},
	}
	r.flags(c)
	c.Flags().StringVar(&r.master, "master", "", "look at the master of this `NAME` only")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&offline, "offline", false, "read the FILE, and ask nobody")
	return c
}

// examine finds out what doctor reports.
func examine(r *reach, args []string, offline bool) (*doctor.Report, error) {
	files, err := r.prepare(args)
	if err != nil {
		return nil, err
	}
	report := &doctor.Report{}
	defer report.Sort()
	for _, path := range files {
		if !examineFile(r, report, path) {
			return report, nil // with a file that cannot be read there is nobody to ask
		}
	}
	if offline {
		if len(files) == 0 {
			return nil, fmt.Errorf("--offline needs a FILE")
		}
		report.NotLooked = append(report.NotLooked, "running Sentinels and servers: --offline")
		return report, nil
	}
	s, err := r.take(true)
	if err != nil {
		return nil, err
	}
	report.Judge(s, doctor.Options{Master: r.master, OwnLogin: r.file != nil, Own: r.own})
	return report, nil
}

// examineFile judges a file, and reports whether there is something in it.
func examineFile(r *reach, report *doctor.Report, path string) bool {
	n, mistakes := open(invocation{path: path})
	if mistakes != nil {
		report.Mistakes(path, mistakes)
	} else {
		if abs, err := filepath.Abs(path); err == nil { // as warnings have it
			path = abs
		}
		report.File(path, n.Advice(), n.Warnings(), ownAddrs())
	}
	file, err := configrewrite.Load(path, nil)
	if err != nil {
		return false
	}
	if err := r.use(file); err != nil && mistakes == nil {
		report.Mistakes(path, fmt.Errorf("%s", errtext.OneLine(err)))
	}
	return true
}

// ownAddrs returns the addresses of this machine, as far as the system tells.
func ownAddrs() (list []netip.Addr) {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p.Addr())
		}
	}
	return list
}
