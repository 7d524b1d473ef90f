package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// cause is something that changes what a Sentinel shows of others, and how it
// ends. Lines that begin and end it go to the master, over a connection that was
// there before.
type cause struct {
	name       string
	short      bool // also without -long
	begin, end []string
	begins     func(context.Context, *side) error // after the lines
	ends       func(context.Context, *side) error // before the lines
	kill       bool                               // it needs a kill of the master to end
	brief      string                             // field that is a matter of moments here
}

// downAfter of the Sentinels here is longer than what is taken for a passing
// state, so that the state before it is seen.
const flagsDownAfter = 2500 * time.Millisecond

// steady is how long a state has to last to be compared. Both implementations go
// through shorter ones when they try to connect, each at its own pace.
const steady = 700 * time.Millisecond

func causesOfFlags() []cause {
	const cut, cutSubscription = "CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub"
	type process interface {
		Signal(syscall.Signal) error
		Restart(context.Context) error
	}
	signal := func(of func(*side) process, sig syscall.Signal) func(context.Context, *side) error {
		return func(_ context.Context, s *side) error { return of(s).Signal(sig) }
	}
	revive := func(of func(*side) process) func(context.Context, *side) error {
		return func(ctx context.Context, s *side) error { return of(s).Restart(ctx) }
	}
	master := func(s *side) process { return s.servers[0] }
	replica := func(s *side) process { return s.servers[1] }
	peer := func(s *side) process { return s.peer }
	restartMaster := func(ctx context.Context, s *side) error {
		s.toMaster.close()
		s.toMaster = nil
		return s.servers[0].Restart(ctx)
	}
	return []cause{
		{name: "wrong password, Sentinel restarted", short: true, begin: []string{"CONFIG SET requirepass secret"}, end: []string{`CONFIG SET requirepass ""`},
			begins: func(ctx context.Context, s *side) error { return errors.Join(s.subject.Restart(ctx), s.quicken(ctx)) }},
		{name: "no permission to subscribe", short: true, begin: []string{"ACL SETUSER default -subscribe", cutSubscription}, end: []string{"ACL SETUSER default +subscribe"}},
		{name: "master stopped", begins: signal(master, syscall.SIGSTOP), ends: signal(master, syscall.SIGCONT)},
		{name: "password changed, links cut", begin: []string{"CONFIG SET requirepass secret", cut, cutSubscription}, end: []string{`CONFIG SET requirepass ""`}},
		{name: "WRONGPASS", begin: []string{"CONFIG SET requirepass secret", cut, cutSubscription}, end: []string{`CONFIG SET requirepass ""`},
			begins: func(ctx context.Context, s *side) error { return s.must(ctx, "SENTINEL SET mymaster auth-pass wrong") },
			ends:   func(ctx context.Context, s *side) error { return s.must(ctx, `SENTINEL SET mymaster auth-pass ""`) }},
		{name: "no permission for the channel", begin: []string{"ACL SETUSER default resetchannels", cutSubscription}, end: []string{"ACL SETUSER default allchannels"}},
		{name: "no permission to ping", begin: []string{"ACL SETUSER default -ping", cut, cutSubscription}, end: []string{"ACL SETUSER default +ping"}},
		{name: "no permission for INFO", begin: []string{"ACL SETUSER default -info", cut, cutSubscription}, end: []string{"ACL SETUSER default +info"}},
		{name: "no permission to publish", begin: []string{"ACL SETUSER default -publish", cut, cutSubscription}, end: []string{"ACL SETUSER default +publish"}},
		{name: "no permission for CLIENT", begin: []string{"ACL SETUSER default -client|setname", cut}, end: []string{"ACL SETUSER default +client"}},
		{name: "links cut", begin: []string{cut, cutSubscription}},
		{name: "commands paused", kill: true, brief: "master-link-status", begin: []string{"CLIENT PAUSE 100000"},
			ends: restartMaster},
		{name: "busy with a script that wrote", kill: true, brief: "master-link-status", begin: []string{"CONFIG SET busy-reply-threshold 100"},
			begins: func(_ context.Context, s *side) error { return s.busy() }, ends: restartMaster},
		{name: "master killed", begins: signal(master, syscall.SIGKILL), ends: restartMaster},
		{name: "replica stopped", begins: signal(replica, syscall.SIGSTOP), ends: signal(replica, syscall.SIGCONT)},
		{name: "replica killed", begins: signal(replica, syscall.SIGKILL), ends: revive(replica)},
		{name: "peer stopped", begins: signal(peer, syscall.SIGSTOP), ends: signal(peer, syscall.SIGCONT)},
		{name: "peer killed", begins: signal(peer, syscall.SIGKILL), ends: revive(peer)},
		{name: "peer with another password", begins: func(ctx context.Context, s *side) error {
			return s.must(ctx, "SENTINEL CONFIG SET sentinel-pass wrong")
		},
			ends: func(ctx context.Context, s *side) error { return s.must(ctx, `SENTINEL CONFIG SET sentinel-pass ""`) }},
	}
}

// TestFlagsOverTime plays causes on both sides and compares, one after the other,
// all states that a Sentinel shows of the master, its replicas and the other
// Sentinel until the cause is over and all is as before.
func TestFlagsOverTime(t *testing.T) {
	p := newPair(t)
	p.each(t, func(s *side) error { return s.startForFlags(t.Context()) })
	defer func() {
		for _, s := range p {
			s.toMaster.close()
		}
	}()
	for _, c := range causesOfFlags() {
		if !c.short && !*long {
			continue
		}
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			var seen [2]map[string][]string
			p.each(t, func(s *side) (err error) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				seen[s.index()], err = s.statesDuring(ctx, c)
				return err
			})
			for _, key := range slices.Sorted(maps.Keys(seen[0])) {
				stock, ours := c.text(seen[0][key]), c.text(seen[1][key])
				if stock != ours {
					t.Errorf("%s\nstock:\n  %s\nours:\n  %s", key, stock, ours)
				}
			}
		})
	}
}

// text returns the states one below the other.
func (c cause) text(states []string) string {
	if c.brief != "" {
		hide := regexp.MustCompile(` ` + c.brief + `=\S+`)
		for i, state := range states {
			states[i] = hide.ReplaceAllString(state, "")
		}
	}
	return strings.Join(slices.Compact(states), "\n  ")
}

// startForFlags starts what the causes need. The quorum is never reached: a
// failover has its own comparison.
func (s *side) startForFlags(ctx context.Context) error {
	if err := s.startServers(ctx); err != nil {
		return err
	}
	var err error
	if s.toMaster, err = dial(s.servers[0].Addr()); err != nil {
		return err
	}
	lines := []string{
		fmt.Sprintf("sentinel monitor mymaster 127.0.0.1 %d 9", s.servers[0].Port()),
		fmt.Sprintf("sentinel down-after-milliseconds mymaster %d", flagsDownAfter.Milliseconds()),
	}
	if s.subject, err = s.startSentinel(ctx, "subject", lines...); err != nil {
		return err
	}
	if s.peer, err = s.startSentinel(ctx, "peer", lines...); err != nil {
		return err
	}
	if err := s.subject.WaitView(ctx, "mymaster", 2, 1); err != nil {
		return err
	}
	if err := s.peer.WaitView(ctx, "mymaster", 2, 1); err != nil {
		return err
	}
	if err := s.quicken(ctx); err != nil {
		return err
	}
	var film film
	err = s.settle(ctx, &film, 3*time.Second)
	s.calmStates = film.last()
	return err
}

// quicken has INFO sent often, so that what servers say of themselves is known at
// the same time on both sides. gosentinel asks more often by itself where it
// matters.
func (s *side) quicken(ctx context.Context) error {
	return s.must(ctx, "SENTINEL DEBUG info-period 300")
}

// close may be called without a connection.
func (c *conn) close() {
	if c != nil {
		c.nc.Close()
	}
}

// tell sends lines to the master.
func (s *side) tell(lines []string) error {
	for _, line := range lines {
		if s.toMaster == nil {
			c, err := dial(s.servers[0].Addr())
			if err != nil {
				return err
			}
			s.toMaster = c
		}
		replies, err := s.toMaster.exchange(multibulk(words(line)))
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		if len(replies) > 0 && replies[0].kind == '-' {
			return fmt.Errorf("%s: %s", line, replies[0].text)
		}
	}
	return nil
}

// busy keeps the master busy until it is killed.
func (s *side) busy() error {
	return s.toMaster.send(multibulk([]string{"EVAL", "redis.call('set', 'x', 1) while true do end", "0"}))
}

// statesDuring plays a cause and returns the steady states of each instance, from
// before it to after it.
func (s *side) statesDuring(ctx context.Context, c cause) (map[string][]string, error) {
	film := film{{time.Now().Add(-steady), time.Now(), s.calmStates}}
	if err := s.tell(c.begin); err != nil {
		return nil, err
	}
	if c.begins != nil {
		if err := c.begins(ctx, s); err != nil {
			return nil, err
		}
	}
	// What follows from the cause follows within down-after and a PING period.
	const follows = flagsDownAfter + 1500*time.Millisecond
	if err := s.settle(ctx, &film, follows); err != nil {
		return nil, err
	}
	if c.kill {
		// If it came back at once, stock would show the cut link until it tries to connect
		// again, at some moment of the next second: for long enough to be compared, or not.
		if err := s.servers[0].Signal(syscall.SIGKILL); err != nil {
			return nil, err
		}
		if err := s.settle(ctx, &film, follows); err != nil {
			return nil, err
		}
	}
	if c.ends != nil {
		if err := c.ends(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := s.tell(c.end); err != nil {
		return nil, err
	}
	ended := time.Now()
	err := s.filmUntil(ctx, &film, "the state of before", func() bool {
		return min(film.steadyFor(), time.Since(ended)) >= 2*steady && maps.Equal(film.last(), s.calmStates)
	})
	return film.steadyStates(), err
}

// settle films until nothing has changed for a while.
func (s *side) settle(ctx context.Context, f *film, quiet time.Duration) error {
	began := time.Now()
	return s.filmUntil(ctx, f, "a steady state", func() bool { return min(f.steadyFor(), time.Since(began)) >= quiet })
}

func (s *side) filmUntil(ctx context.Context, f *film, what string, done func() bool) error {
	return cluster.WaitFor(ctx, what+" of "+s.name, func(ctx context.Context) (string, bool) {
		states, err := s.states(ctx)
		if err != nil {
			return err.Error(), false
		}
		f.add(states)
		return fmt.Sprint(states), done()
	})
}

// states returns what the subject shows of each instance now.
func (s *side) states(ctx context.Context) (map[string]string, error) {
	master, err1 := s.subject.Master(ctx, "mymaster")
	replicas, err2 := s.subject.Replicas(ctx, "mymaster")
	peers, err3 := s.subject.Sentinels(ctx, "mymaster")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for _, m := range slices.Concat([]map[string]string{master}, replicas, peers) {
		seen[s.named(m["name"])] = s.state(m)
	}
	return seen, nil
}

// derived are the fields that do not depend on time alone.
var derived = []string{
	"flags", "ip", "port", "link-refcount", "role-reported", "num-slaves", "num-other-sentinels", "master-link-status", "master-host", "master-port",
	"slave-priority", "replica-announced", "quorum", "voted-leader", "down-after-milliseconds",
}

func (s *side) state(m map[string]string) string {
	var list []string
	for _, name := range derived {
		if v, ok := m[name]; ok {
			list = append(list, name+"="+s.named(v))
		}
	}
	for _, name := range []string{"s-down-time", "o-down-time", "failover-state"} {
		if _, ok := m[name]; ok {
			list = append(list, name)
		}
	}
	if ms, err := strconv.Atoi(m["last-ping-sent"]); err == nil && ms >= 1000 {
		list = append(list, "ping-unanswered")
	}
	return strings.Join(list, " ")
}

// A film is what was seen of all instances, one picture for each change.
type film []picture

type picture struct {
	from, to time.Time
	states   map[string]string
}

func (f *film) add(states map[string]string) {
	now := time.Now()
	if n := len(*f); n > 0 && maps.Equal((*f)[n-1].states, states) {
		(*f)[n-1].to = now
		return
	}
	*f = append(*f, picture{now, now, states})
}

func (f film) last() map[string]string {
	states := map[string]string{}
	for key, list := range f.steadyStates() {
		states[key] = list[len(list)-1]
	}
	return states
}

// steadyFor returns since when no instance has come to another steady state.
func (f film) steadyFor() time.Duration {
	if len(f) == 0 {
		return 0
	}
	latest := f[0].from
	for key := range f[len(f)-1].states {
		if runs := f.runs(key); len(runs) > 0 && runs[len(runs)-1].from.After(latest) {
			latest = runs[len(runs)-1].from
		}
	}
	return f[len(f)-1].to.Sub(latest)
}

// run is a state of one instance.
type run struct {
	state    string
	from, to time.Time
}

// runs returns the steady states of an instance. One that is interrupted by
// others for moments only goes on.
func (f film) runs(key string) (runs []run) {
	var all []run
	for _, p := range f {
		state, ok := p.states[key]
		if !ok {
			state = "(not there)"
		}
		if n := len(all); n > 0 && all[n-1].state == state {
			all[n-1].to = p.to
		} else {
			all = append(all, run{state, p.from, p.to})
		}
	}
	for i, r := range all {
		if i+1 < len(all) {
			r.to = all[i+1].from
		}
		if n := len(runs); n > 0 && runs[n-1].state == r.state {
			runs[n-1].to = r.to
		} else if r.to.Sub(r.from) >= steady {
			runs = append(runs, r)
		}
	}
	return runs
}

func (f film) steadyStates() map[string][]string {
	seen := map[string][]string{}
	for _, p := range f {
		for key := range p.states {
			if seen[key] != nil {
				continue
			}
			for _, r := range f.runs(key) {
				if n := len(seen[key]); n == 0 || seen[key][n-1] != r.state {
					seen[key] = append(seen[key], r.state)
				}
			}
		}
	}
	return seen
}
