package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/survey"
)

const forgetText = `Has all Sentinels forget the replicas and Sentinels of a master that are gone for good.

A Sentinel that is gone counts for the majority until it is forgotten. A gosentinel drops what is
gone and nothing else, and an hour long does not believe others who still speak of it (SENTINEL
FORGET). A redis-sentinel drops all that it knows of the group (SENTINEL RESET) and finds again
what is there; the next one follows when it has. Nothing is done while the master is down, a
failover is under way, or a Sentinel that is there cannot be asked.

With --monitoring they stop watching the master altogether (SENTINEL REMOVE).
` + reachText + `

Status: 0 done, or nothing to do; 1 not done; 2 wrong usage.`

// forget is what the command of that name was told.
type forget struct {
	*program
	reach
	monitoring, dryRun bool
}

// forget returns the command of that name.
func (p *program) forget() *cobra.Command {
	f := &forget{program: p}
	c := &cobra.Command{
		Use: "forget MASTER [FILE|ADDRESS...]", Short: "has Sentinels forget members that are gone", Long: forgetText,
		Args: needsMaster, ValidArgsFunction: noFileFirst, Example: "  gosentinel forget cache 10.0.0.5\n  gosentinel forget cache --dry-run\n  gosentinel forget old --monitoring",
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	f.flags(c)
	c.Flags().Lookup("timeout").DefValue = "2m0s"
	f.timeout = 2 * time.Minute
	c.Flags().BoolVar(&f.monitoring, "monitoring", false, "stop watching the master, at all Sentinels")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

func (f *forget) run(args []string) error {
	f.master = args[0]
	if err := f.find(args[1:]); err != nil {
		return err
	}
	f.ended(notChanged)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	s, err := f.surveyed(false)
	if err == nil {
		if f.monitoring {
			err = f.remove(ctx, s)
		} else {
			err = f.members(ctx, s)
		}
	}
	if err != nil {
		return f.refuse(err)
	}
	f.ended(changed)
	return nil
}

// gone returns the addresses of the members that are down.
func gone(s *survey.Survey) (dead []string) {
	var alive []string
	for _, sn := range s.Sentinels {
		for _, v := range sn.Masters {
			for _, m := range slices.Concat(v.Replicas, v.Sentinels) {
				list := &alive
				if m.Is("s_down") {
					list = &dead
				}
				if !slices.Contains(*list, m.Addr()) {
					*list = append(*list, m.Addr())
				}
			}
		}
	}
	dead = slices.DeleteFunc(dead, func(a string) bool { return slices.Contains(alive, a) || answers(s, a) })
	slices.Sort(dead)
	return dead
}

func answers(s *survey.Survey, addr string) bool {
	return slices.ContainsFunc(s.Sentinels, func(n *survey.Sentinel) bool { return n.Addr == addr && n.Asked() }) ||
		slices.ContainsFunc(s.Servers, func(n *survey.Server) bool { return n.Addr == addr && n.Asked() })
}

// members has members forgotten that are gone.
func (f *forget) members(ctx context.Context, s *survey.Survey) error {
	dead := gone(s)
	if len(dead) == 0 {
		fmt.Fprintf(f.stdout, "Nobody of %s is gone: there is nothing to forget.\n", doctor.Printable(f.master))
		return nil
	}
	fmt.Fprintf(f.stdout, "Gone: %s.\n", doctor.Printable(strings.Join(dead, ", ")))
	for _, sn := range s.Sentinels {
		if !sn.Asked() && !slices.Contains(dead, sn.Addr) {
			return fmt.Errorf("the Sentinel at %s cannot be asked (%s): it would tell the others again of those that are gone", sn.Addr, sn.Problem.Text)
		}
	}
	for _, n := range s.Servers {
		if p := n.Problem; p != nil && !slices.Contains(dead, n.Addr) && (p.Cause == survey.Refused || p.Cause == survey.Silent) {
			return fmt.Errorf("the server at %s does not answer, and not all Sentinels call it down: try again when they do", n.Addr)
		}
	}
	for _, sn := range s.Sentinels {
		for _, v := range sn.Masters {
			if err := f.calm(v.Fields); err != nil {
				return fmt.Errorf("%s: %w", sn.Addr, err)
			}
		}
	}
	for _, sn := range s.Sentinels {
		for _, v := range sn.Masters {
			if err := f.drop(ctx, v, dead); err != nil {
				return fmt.Errorf("%s: %w", sn.Addr, err)
			}
		}
	}
	return nil
}

// calm says why a master is better left alone.
func (f *forget) calm(m survey.Fields) error {
	switch {
	case m.Is("failover_in_progress"):
		return errors.New("a failover is under way: try again when it is over")
	case m.Is("s_down"), m.Is("disconnected"):
		return errors.New("the master counts as down: its replicas are needed")
	}
	return nil
}

// drop has one Sentinel forget.
func (f *forget) drop(ctx context.Context, v *survey.View, dead []string) error {
	addr := v.Sentinel.Addr
	fmt.Fprintf(f.stdout, "%s forgets ", addr)
	if f.dryRun {
		fmt.Fprintln(f.stdout, "them (not done: --dry-run).")
		return nil
	}
	now, err := f.opt.Ask(ctx, addr, "SENTINEL", "MASTER", f.master)
	if err == nil {
		err = f.calm(survey.FieldsOf(now))
	}
	if err == nil && v.Sentinel.Own {
		if err = f.each(ctx, v, dead); err == nil {
			fmt.Fprintln(f.stdout, "them.")
			return nil
		}
	}
	if err == nil || strings.HasPrefix(err.Error(), unknownSubcommand) { // a gosentinel of an earlier release
		err = f.ok(f.opt.Ask(ctx, addr, "SENTINEL", "RESET", pattern(f.master)))
	}
	if err != nil {
		fmt.Fprintln(f.stdout, "nobody.")
		return err
	}
	return f.foundAgain(ctx, v, dead)
}

// How a Sentinel says that it has no such command, no such member, and that it was heard of a
// moment ago (wire.md §3.5).
const (
	unknownSubcommand = "ERR unknown subcommand"
	noSuchMember      = "ERR No such replica or Sentinel"
	announcedItself   = "ERR The Sentinel announced itself "
)

// each has a gosentinel forget one member after the other. Another one may have told it already.
func (f *forget) each(ctx context.Context, v *survey.View, dead []string) error {
	for _, m := range slices.Concat(v.Replicas, v.Sentinels) {
		if !slices.Contains(dead, m.Addr()) {
			continue
		}
		name := m.Addr()
		if slices.ContainsFunc(v.Sentinels, func(s survey.Fields) bool { return s.Addr() == name }) {
			name = m["runid"]
		}
		if err := f.one(ctx, v.Sentinel.Addr, name); err != nil {
			return err
		}
	}
	return nil
}

// one has a gosentinel forget a member, once it has been silent for long enough.
func (f *forget) one(ctx context.Context, addr, member string) error {
	tick := time.NewTicker(4 * followEvery)
	defer tick.Stop()
	for {
		err := f.ok(f.opt.Ask(ctx, addr, "SENTINEL", "FORGET", f.master, member))
		switch {
		case err == nil, strings.HasPrefix(err.Error(), noSuchMember):
			return nil
		case !strings.HasPrefix(err.Error(), announcedItself):
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// foundAgain waits until a Sentinel that was reset has found again all that are there.
func (f *forget) foundAgain(ctx context.Context, v *survey.View, dead []string) error {
	missing := slices.Clone(v.Sentinels)
	missing = slices.DeleteFunc(append(missing, v.Replicas...), func(m survey.Fields) bool { return slices.Contains(dead, m.Addr()) })
	if err := f.found(ctx, v.Sentinel.Addr, missing); err != nil {
		return err
	}
	fmt.Fprintln(f.stdout, "them, and has found the others again.")
	return nil
}

// ok makes an error of an error reply.
func (f *forget) ok(v survey.Value, err error) error {
	if err == nil && v.Failed() {
		err = errors.New(v.Text)
	}
	return err
}

// found waits until a Sentinel knows members again.
func (f *forget) found(ctx context.Context, addr string, members []survey.Fields) error {
	tick := time.NewTicker(4 * followEvery)
	defer tick.Stop()
	for {
		var there []string
		for _, what := range []string{"SLAVES", "SENTINELS"} {
			v, err := f.opt.Ask(ctx, addr, "SENTINEL", what, f.master)
			if err := f.ok(v, err); err != nil {
				return err
			}
			for _, item := range v.Items {
				there = append(there, survey.FieldsOf(item).Addr())
			}
		}
		left := slices.DeleteFunc(slices.Clone(members), func(m survey.Fields) bool { return slices.Contains(there, m.Addr()) })
		if len(left) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintln(f.stdout, "them.")
			return fmt.Errorf("it has not found %s again in time; the Sentinels behind it in line were left alone", left[0].Addr())
		}
	}
}

// remove ends the watch of a master.
func (f *forget) remove(ctx context.Context, s *survey.Survey) error {
	var errs []error
	for _, sn := range s.Sentinels {
		switch {
		case !sn.Asked():
			errs = append(errs, fmt.Errorf("%s cannot be asked, and may watch it still: %s", sn.Addr, sn.Problem.Text))
		case len(sn.Masters) == 0:
		case f.dryRun:
			fmt.Fprintf(f.stdout, "%s stops to watch %s (not done: --dry-run).\n", sn.Addr, doctor.Printable(f.master))
		default:
			if err := f.ok(f.opt.Ask(ctx, sn.Addr, "SENTINEL", "REMOVE", f.master)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", sn.Addr, err))
				continue
			}
			fmt.Fprintf(f.stdout, "%s has stopped to watch %s.\n", sn.Addr, doctor.Printable(f.master))
		}
	}
	return errors.Join(errs...)
}

// pattern is the pattern that one name alone matches.
func pattern(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`).Replace(name)
}
