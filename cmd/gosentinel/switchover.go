package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/journal"
)

const switchoverText = `Has a replica take the place of the master, and follows until that has happened.

No acknowledged write is lost and no full copy is made, if a gosentinel leads it: one is chosen
among the Sentinels that watch the master. With stock Sentinels alone the failover is theirs, and
loses writes: that needs --stock.
` + reachText + `

Status: 0 there is a new master, 1 there is none, 2 wrong usage.`

// switchover is what the command of that name was told.
type switchover struct {
	*program
	reach
	to                        string
	force, coordinated, stock bool
}

// Status of the commands that change something.
const (
	changed    = 0
	notChanged = 1
)

// switchover returns the command of that name.
func (p *program) switchover() *cobra.Command {
	s := &switchover{program: p}
	c := &cobra.Command{
		Use: "switchover MASTER [FILE|ADDRESS...]", Short: "has a replica take the place of the master", Long: switchoverText,
		Args: needsMaster, ValidArgsFunction: noFileFirst, Example: "  gosentinel switchover cache\n  gosentinel switchover cache 10.0.0.5 --to 10.0.1.2:6379",
		RunE: func(_ *cobra.Command, args []string) error { return s.run(args) },
	}
	s.flags(c)
	c.Flags().Lookup("timeout").DefValue = "1m0s"
	s.timeout = time.Minute
	c.Flags().StringVar(&s.to, "to", "", "promote the replica at this `ADDRESS`")
	c.Flags().BoolVar(&s.coordinated, "coordinated", false, "refuse where writes of the master cannot be waited for")
	c.Flags().BoolVar(&s.force, "force", false, "promote a replica even if it lacks data of the master")
	c.Flags().BoolVar(&s.stock, "stock", false, "let a redis-sentinel do it, which loses writes, if there is no gosentinel")
	c.MarkFlagsMutuallyExclusive("force", "coordinated")
	return c
}

// needsMaster are the arguments of a command that concerns one master.
func needsMaster(_ *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "" {
		return errors.New("it takes the name of a MASTER; gosentinel status lists them")
	}
	return nil
}

// noFileFirst completes no files in the place of a name.
func noFileFirst(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// words is the command for the Sentinel.
func (s *switchover) words() ([]string, error) {
	words := []string{"SENTINEL", "FAILOVER", s.master}
	switch {
	case s.force:
		words = append(words, "FORCE")
	case s.coordinated:
		words = append(words, "COORDINATED")
	}
	if s.to != "" {
		host, port, err := net.SplitHostPort(s.to)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("--to takes host:port, and %q is none", s.to)
		}
		words = append(words, "TO", host, port)
	}
	return words, nil
}

func (s *switchover) run(args []string) error {
	s.master = args[0]
	words, err := s.words()
	if err == nil {
		err = s.find(args[1:])
	}
	if err != nil {
		return err
	}
	s.ended(notChanged)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	views, err := s.views(false)
	if err != nil {
		return s.refuse(err)
	}
	leader := views[0]
	if k := slices.IndexFunc(views, func(v *survey.View) bool { return v.Sentinel.Own }); k >= 0 {
		leader = views[k]
	} else if !s.stock {
		return s.refuse(fmt.Errorf("all Sentinels of %s are redis-sentinel: their failover loses writes of clients; with --stock it is done", s.master))
	} else if len(words) > 3 {
		return s.refuse(errors.New("redis-sentinel knows none of --to, --force and --coordinated"))
	}
	return s.lead(ctx, leader, words)
}

// refuse says why nothing is done.
func (s *switchover) refuse(err error) error { return s.program.refuse(err) }

func (p *program) refuse(err error) error {
	fmt.Fprintf(p.stderr, "gosentinel: %s\n", doctor.Printable(err.Error()))
	return nil
}

// views returns what the Sentinels that could be asked say of the master.
func (r *reach) views(deep bool) (views []*survey.View, err error) {
	sv, err := r.surveyed(deep)
	if err != nil {
		return nil, err
	}
	for _, sn := range sv.Sentinels {
		views = append(views, sn.Masters...)
	}
	return views, nil
}

// surveyed takes a survey of one master, and fails if nobody knows it.
func (r *reach) surveyed(deep bool) (*survey.Survey, error) {
	sv, err := r.take(deep)
	if err != nil {
		return nil, err
	}
	var why []string
	for _, n := range sv.Strangers {
		why = append(why, n.Addr+": "+n.Problem.Text)
	}
	for _, sn := range sv.Sentinels {
		switch {
		case len(sn.Masters) > 0:
			return sv, nil
		case sn.Asked():
			why = append(why, sn.Addr+" does not monitor it")
		default:
			why = append(why, sn.Addr+": "+sn.Problem.Text)
		}
	}
	if len(why) == 0 {
		why = []string{"no Sentinel was found"}
	}
	return nil, fmt.Errorf("nobody was found who watches %s: %s", r.master, strings.Join(why, "; "))
}

// lead begins the failover at one Sentinel, and follows it.
func (s *switchover) lead(ctx context.Context, v *survey.View, words []string) error {
	addr, before := v.Sentinel.Addr, v.Addr()
	fmt.Fprintf(s.stdout, "%s is at %s. Asking %s (%s) for a failover.\n", doctor.Printable(s.master), before, addr, doctor.Printable(v.Sentinel.Software()))
	reply, err := s.opt.Ask(ctx, addr, words...)
	switch {
	case err != nil:
		return s.refuse(fmt.Errorf("%s: %w", addr, err))
	case reply.Failed():
		return s.refuse(fmt.Errorf("%s refuses: %s", addr, reply.Text))
	case reply.Text != "OK":
		fmt.Fprintln(s.stdout, doctor.Printable(reply.Text))
	}
	after, err := s.follow(ctx, addr, before)
	if err != nil {
		return s.refuse(err)
	}
	if v.Sentinel.Own {
		s.tell(ctx, addr)
	}
	if after == before {
		return s.refuse(fmt.Errorf("the failover was given up: %s is still at %s; the log of %s says why", s.master, before, addr))
	}
	fmt.Fprintf(s.stdout, "%s is at %s.\n", doctor.Printable(s.master), after)
	s.ended(changed)
	return nil
}

// followEvery is how often the state of a failover is looked at.
const followEvery = 50 * time.Millisecond

// follow waits for the end of a failover, and returns the address that the master has then.
func (s *switchover) follow(ctx context.Context, addr, before string) (string, error) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	phase := ""
	for {
		v, err := s.opt.Ask(ctx, addr, "SENTINEL", "MASTER", s.master)
		switch {
		case ctx.Err() != nil:
			return "", fmt.Errorf("it is not over, and goes on without this command: gosentinel status --master %s %s", s.master, addr)
		case err != nil:
			return "", fmt.Errorf("%s: %w; the failover may go on: ask another Sentinel", addr, err)
		}
		f := survey.FieldsOf(v)
		under := f.Is("failover_in_progress")
		if now := f["failover-state"]; under && now != phase {
			phase = now
			fmt.Fprintln(s.stdout, "  "+doctor.Printable(strings.ReplaceAll(now, "_", " ")))
		}
		if !under {
			return f.Addr(), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// tell prints the report of the failover that was last.
func (s *switchover) tell(ctx context.Context, addr string) {
	v, err := s.opt.Ask(ctx, addr, "SENTINEL", "FAILOVERS", s.master, "1", "JSON")
	if err != nil || len(v.Items) == 0 {
		return // what matters has been said
	}
	var r journal.Report
	if json.Unmarshal([]byte(v.Items[0].Text), &r) == nil {
		fmt.Fprintln(s.stdout, doctor.Printable(r.String()))
	}
}
