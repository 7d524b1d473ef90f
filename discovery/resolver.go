package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	// ErrEnded is what every method returns that waits, after Run has ended.
	ErrEnded = errors.New("discovery: Run has ended")

	errRunTwice = errors.New("discovery: Run may be called only once")
)

// Addr is the address of a server, in the time of one master.
type Addr struct {
	Host string // a numeric address or a name, as the Sentinels say it
	Port int

	// Epoch is the configuration epoch of the group: a fencing token. Each failover
	// raises it, so a store that remembers the highest one that it has seen, and
	// refuses lower ones, cannot be written to on behalf of a master of before. One
	// Sentinel that lies cannot change it while two others answer. It
	// begins anew when the group is removed from the Sentinels and defined again.
	Epoch uint64
}

// Network returns "tcp".
func (a Addr) Network() string { return "tcp" }

// String returns "host:port", or "" for the zero value.
func (a Addr) String() string {
	if a.IsZero() {
		return ""
	}
	return net.JoinHostPort(a.Host, fmt.Sprint(a.Port))
}

// IsZero reports whether a is no address.
func (a Addr) IsZero() bool { return a.Host == "" && a.Port == 0 }

// toAddr is the reverse of String, for what joinAddr has made.
func toAddr(s string, epoch uint64) Addr {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Addr{}
	}
	n := 0
	fmt.Sscan(port, &n)
	return Addr{host, n, epoch}
}

// Resolver finds the master of one group and keeps knowing it. Make it with New;
// its methods are safe for concurrent use.
type Resolver struct {
	opt   Options
	dirty kick // something has been heard: judge again

	mu       sync.Mutex
	ctx      context.Context // of Run; nil before
	tasks    sync.WaitGroup
	ended    bool
	voices   []*voice
	servers  map[string]*server
	judge    judge
	view     View
	why      string        // there is no master
	changed  chan struct{} // closed when view, why or ended changes
	reign    context.Context
	dethrone context.CancelFunc // ends reign: another master, or none
	conns    map[*guard]struct{}
	turn     int // which replica is next
}

// View is what is known of a group at one moment.
type View struct {
	// Master is the server to write to; zero while there is none, as during a
	// failover.
	Master Addr
	// Replicas are those that most Sentinels see up and connected to the master.
	// While there is no master, they are those of before.
	Replicas []Addr
}

func (v View) equal(o View) bool { return v.Master == o.Master && slices.Equal(v.Replicas, o.Replicas) }

// New checks the options and returns a Resolver that does nothing until Run is
// called. Its error names everything that is wrong with them.
func New(o Options) (*Resolver, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	r := &Resolver{
		opt: o, dirty: make(kick, 1), servers: make(map[string]*server),
		changed: make(chan struct{}), conns: make(map[*guard]struct{}), why: "Run has not been called",
	}
	for _, addr := range o.Sentinels {
		r.voices = append(r.voices, newVoice(addr, true))
	}
	return r, nil
}

// Run watches the Sentinels and servers until the context ends, and then returns
// nil. No goroutine and no connection outlives it, except for what DialMaster and
// DialReplica have returned; those stay open and are not watched any more. It may
// be called once.
func (r *Resolver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	if r.ctx != nil {
		r.mu.Unlock()
		return errRunTwice
	}
	r.ctx, r.why = ctx, "no Sentinel has answered yet"
	for _, v := range r.voices {
		r.start(v)
	}
	r.mu.Unlock()
	r.judgeUntil(ctx)
	r.tasks.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.view = true, View{}
	r.publish()
	return nil
}

// judgeUntil decides anew whenever something has been heard.
func (r *Resolver) judgeUntil(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.dirty:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if again := r.settle(); again > 0 {
			timer.Reset(again)
		}
	}
}

// settle judges once and does what follows. It returns when to judge again, 0 for
// no need.
func (r *Resolver) settle() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return 0
	}
	r.learn()
	before := r.judge.believed
	v := r.judge.decide(time.Now(), r.witnesses(), r.says)
	r.watch(v.wanted)
	if v.drop {
		r.cut(before)
	}
	next := View{Replicas: r.view.Replicas}
	if v.master != "" {
		next = View{toAddr(v.master, v.epoch), r.replicasOf(v.master, v.epoch)}
	}
	if next.Master.String() != r.view.Master.String() {
		if r.dethrone != nil {
			r.dethrone()
		}
		r.reign, r.dethrone = context.WithCancel(r.ctx)
	}
	if !next.equal(r.view) || v.why != r.why {
		r.announce(before, next, v.why)
		r.view, r.why = next, v.why
		r.publish()
	}
	return v.again
}

// announce logs a change of the master.
func (r *Resolver) announce(before string, next View, why string) {
	switch {
	case next.Master == r.view.Master:
	case next.Master.IsZero():
		r.opt.Logger.Warn("discovery: no master", "name", r.opt.Master, "before", before, "why", why)
	default:
		r.opt.Logger.Info("discovery: master", "name", r.opt.Master, "addr", next.Master.String(), "epoch", next.Master.Epoch, "before", before)
	}
}

// publish wakes all who wait for a change.
func (r *Resolver) publish() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Master returns the master. It waits while there is none, as during a failover,
// until the context ends; the error then says what is missing. Before Run it
// waits too.
//
// The server was a master when it was asked last, which is at most Poll ago. To
// be sure at this moment use DialMaster.
func (r *Resolver) Master(ctx context.Context) (Addr, error) {
	v, _, err := r.wait(ctx)
	return v.Master, err
}

// Replicas returns the servers that are fit for reading: those that more than half
// of the Sentinels see up and connected to the master. The list may be empty. It
// belongs to the caller. Before the first master is known Replicas waits for it
// as Master does; during a failover it returns the replicas of before.
func (r *Resolver) Replicas(ctx context.Context) ([]Addr, error) {
	r.mu.Lock()
	known, v := r.judge.believed != "" && !r.ended, r.view
	r.mu.Unlock()
	if !known {
		var err error
		if v, _, err = r.wait(ctx); err != nil {
			return nil, err
		}
	}
	return slices.Clone(v.Replicas), nil
}

// wait returns the view as soon as it has a master, and a context that ends when
// that is over.
func (r *Resolver) wait(ctx context.Context) (View, context.Context, error) {
	for {
		r.mu.Lock()
		v, reign, why, ended, changed := r.view, r.reign, r.why, r.ended, r.changed
		r.mu.Unlock()
		switch {
		case ended:
			return View{}, nil, ErrEnded
		case !v.Master.IsZero():
			return v, reign, nil
		case ctx.Err() != nil:
			return View{}, nil, r.noMaster(ctx, why)
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// noMaster is the error of a wait that ended with its context.
func (r *Resolver) noMaster(ctx context.Context, why string) error {
	var list []string
	for _, s := range r.Status().Sentinels {
		if s.Error != "" {
			list = append(list, s.Addr+": "+s.Error)
		}
	}
	for _, s := range r.Status().Servers {
		if s.Error != "" {
			list = append(list, s.Addr+": "+s.Error)
		}
	}
	if len(list) > 4 {
		list = append(list[:4], "...")
	}
	if len(list) > 0 {
		why += " (" + strings.Join(list, "; ") + ")"
	}
	return fmt.Errorf("discovery: no master of %s: %s: %w", r.opt.Master, why, context.Cause(ctx))
}

// Ask has every Sentinel, and the server that they name, asked at once and not only at
// the next Poll: for programs that connect by themselves and see a connection end. It
// waits for nothing, and may be called often.
func (r *Resolver) Ask() { r.askAll() }
