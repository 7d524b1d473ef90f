package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// Agent keeps the targets of a Config in line with its groups. Make it with New. One
// of Run, Once and DryRun may be called, and once.
type Agent struct {
	cfg     *Config
	log     *slog.Logger
	hub     *hub
	groups  []*group
	jobs    []*job
	metrics *Metrics
}

// requestTimeout bounds an HTTP request.
const requestTimeout = 10 * time.Second

// stayHere refuses redirections: the request would become one without a body, and its token
// would go elsewhere.
func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// New checks a Config and opens nothing yet. The Config belongs to the Agent from
// then on. If it has no groups, the files of targets are read for their names.
func New(cfg *Config) (*Agent, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, log: cfg.Logger}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.groups()) == 0 {
		names, err := namesInFiles(cfg.Targets)
		if err != nil {
			return nil, err
		}
		cfg.Masters = names
	}
	a.hub = newHub(cfg.groupNames())
	e := &environment{log: a.log, http: &http.Client{Timeout: requestTimeout, CheckRedirect: stayHere}}
	for _, t := range cfg.Targets {
		a.jobs = append(a.jobs, t.open(e)...)
	}
	a.metrics = newMetrics(cfg.groupNames(), a.jobs)
	for i, g := range cfg.groups() {
		// After each connection everything is compared: something may have been missed
		// while there was none.
		o, err := cfg.options(g, a.log, a.hub.wakeAll)
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", g.Name, err)
		}
		r, err := discovery.New(o)
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", g.Name, err)
		}
		a.groups = append(a.groups, &group{name: g.Name, index: i, source: r, hub: a.hub, metrics: a.metrics.groups[g.Name], log: a.log})
	}
	return a, nil
}

// naming is a target whose file names groups.
type naming interface{ names() ([]string, error) }

func namesInFiles(targets []Target) (all []string, err error) {
	for _, t := range targets {
		n, ok := t.(naming)
		if !ok {
			continue
		}
		names, err := n.names()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New(`no group: add masters = ["…"], the names in the lines "sentinel monitor <name> …"`)
	}
	return all, nil
}

// Metrics returns the counters. They may be read at any time.
func (a *Agent) Metrics() *Metrics { return a.metrics }

// Snapshot returns what is known of the groups now.
func (a *Agent) Snapshot() Snapshot { return slices.Clone(a.hub.snapshot()) }

// Run works until the context ends, and then returns nil. No goroutine, connection
// or program that it has started outlives it.
func (a *Agent) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	for _, j := range a.jobs {
		r := &runner{job: j, hub: a.hub, wake: a.hub.waker(), counter: a.metrics.targets[j.name], log: a.log}
		tasks.Go(func() { r.run(ctx) })
	}
	if a.cfg.MetricsFile != "" {
		tasks.Go(func() { a.writeMetrics(ctx) })
	}
	a.follow(ctx, &tasks)
	tasks.Wait()
	return nil
}

// follow has the groups followed until the context ends.
func (a *Agent) follow(ctx context.Context, tasks *sync.WaitGroup) {
	a.log.Info("Subscribing to sentinel.")
	for _, g := range a.groups {
		tasks.Go(func() { g.run(ctx) })
	}
}

// Expectation is what a client-reconfig-script has been told: that a group has moved
// to an address.
type Expectation struct {
	Master string // as Sentinels call it
	Addr   Server
}

// expectPatience is how long Once waits for the other Sentinels to say what the one
// that has called the script says.
const expectPatience = 10 * time.Second

// Once waits until there is a master of every group, brings every target in line
// once and returns. Where want is not nil, only its group is looked at, and Once
// waits a while for it to have that address. If the context ends before all masters
// are known, the targets get what is known, and the error says what is missing.
func (a *Agent) Once(ctx context.Context, want *Expectation) error {
	return a.single(ctx, want, func(ctx context.Context, j *job, s Snapshot) error {
		changed, err := j.reconcile(ctx, s)
		if err == nil && changed {
			a.log.Info("Changed", "target", j.name)
		}
		return err
	})
}

// DryRun is Once, but changes nothing: it writes what would change to w.
func (a *Agent) DryRun(ctx context.Context, want *Expectation, w io.Writer) error {
	return a.single(ctx, want, func(ctx context.Context, j *job, s Snapshot) error {
		p, err := j.plan(ctx, s)
		switch {
		case err != nil:
			return err
		case p == nil:
			_, err = fmt.Fprintf(w, "# %s: nothing to do\n", j.name)
		default:
			_, err = fmt.Fprintf(w, "# %s\n%s\n", j.name, strings.TrimRight(p.diff, "\n"))
		}
		return err
	})
}

// single does something with every job, after the masters have been found.
func (a *Agent) single(ctx context.Context, want *Expectation, do func(context.Context, *job, Snapshot) error) error {
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	a.follow(following, &tasks)
	defer tasks.Wait()
	defer stop()

	errs, names := a.find(ctx, want)
	s := a.hub.snapshot()
	if len(names) > 0 {
		s = s.only(names)
	}
	// The search may have taken all the time that there was. The work has its own limits.
	work := context.WithoutCancel(ctx)
	for _, j := range a.jobs {
		if len(names) > 0 && len(j.common.Groups) > 0 && !slices.ContainsFunc(j.common.Groups, func(n string) bool { return slices.Contains(names, n) }) {
			continue
		}
		var wait *waiting
		if err := do(work, j, s); errors.As(err, &wait) && len(errs) > 0 {
			continue // that is said already
		} else if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", j.name, err))
		}
	}
	return errors.Join(errs...)
}

// find waits for the masters, and returns what is missing. If only some groups are to
// be looked at, it returns their names.
func (a *Agent) find(ctx context.Context, want *Expectation) (errs []error, names []string) {
	if want != nil {
		for _, g := range a.cfg.groups() {
			if g.Master == want.Master {
				names = append(names, g.Name)
			}
		}
		if len(names) == 0 {
			return []error{fmt.Errorf("no group has the master %q", want.Master)}, nil
		}
		limited, cancel := context.WithTimeout(ctx, expectPatience)
		defer cancel()
		if !a.hub.await(limited, func(s Snapshot) bool {
			return !slices.ContainsFunc(s.only(names), func(g Group) bool { return g.Master != want.Addr })
		}) {
			errs = append(errs, fmt.Errorf("the Sentinels of %s do not confirm %s, which this script was called with", want.Master, want.Addr))
		}
	}
	a.hub.await(ctx, func(s Snapshot) bool {
		if len(names) > 0 {
			s = s.only(names)
		}
		return len(s.unknown()) == 0
	})
	for _, g := range a.groups {
		if len(names) > 0 && !slices.Contains(names, g.name) {
			continue
		}
		if !a.hub.snapshot().Group(g.name).Known() {
			errs = append(errs, fmt.Errorf("group %s: %s", g.name, g.missing()))
		}
	}
	return errs, names
}

// metricsEvery is how often the metrics file is written.
const metricsEvery = 5 * time.Second

func (a *Agent) writeMetrics(ctx context.Context) {
	tick := time.NewTicker(metricsEvery)
	defer tick.Stop()
	said := false
	for {
		var text strings.Builder
		_, _ = a.metrics.WriteTo(&text) // a Builder takes everything
		if err := atomicfile.WriteFile(a.cfg.MetricsFile, []byte(text.String()), 0o644); err != nil && !said {
			said = true
			a.log.Error("Writing the metrics file failed", "error", err)
		} else if err == nil {
			said = false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
