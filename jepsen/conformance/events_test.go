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

// scenario is something that happens around the Sentinels. What subject, and
// with peer set the other one, publish and log meanwhile is compared, and what
// they call their scripts with.
type scenario struct {
	name   string
	play   func(context.Context, *side) error
	peer   bool
	over   bool   // the Sentinel subject does not survive it
	ignore string // regular expression: what comes or not as the timing has it
}

// Ids of Sentinels that do not exist.
const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// scenarios are played one after the other on one topology.
var scenarios = []scenario{
	{name: "commands", play: func(ctx context.Context, s *side) error {
		return s.commands(ctx,
			"SENTINEL MONITOR new 127.0.0.1 {spare-port} 3", "SENTINEL SET new down-after-milliseconds 100000000 failover-timeout 5000 parallel-syncs 2",
			"SENTINEL SET new auth-pass secret", "SENTINEL SET new auth-user bob quorum x", "SENTINEL SET new rename-command config other",
			"SENTINEL SET new Quorum 2", "SENTINEL RESET new", "SENTINEL FAILOVER new", "SENTINEL CONFIG SET announce-ip 127.0.0.1", "SENTINEL FLUSHCONFIG", "SENTINEL REMOVE new")
	}},
	{name: "messages of other Sentinels", play: func(ctx context.Context, s *side) error {
		return s.commands(ctx,
			"SENTINEL MONITOR one 127.0.0.1 {spare-port} 3", "SENTINEL SET one down-after-milliseconds 100000000",
			"PUBLISH __sentinel__:hello 127.0.0.1,2,"+idA+",1,one,127.0.0.1,{spare-port},0",
			"PUBLISH __sentinel__:hello 127.0.0.1,3,"+idA+",1,one,127.0.0.1,{spare-port},0",
			"PUBLISH __sentinel__:hello 127.0.0.1,3,"+idB+",2,one,127.0.0.1,{spare-port},0",
			"PUBLISH __sentinel__:hello 127.0.0.1,3,"+idB+",3,one,127.0.0.1,4,2",
			"PUBLISH __sentinel__:hello 127.0.0.1,3,"+idB+",3,one,127.0.0.1,5,1",
			"SENTINEL GET-MASTER-ADDR-BY-NAME one", "SENTINEL REMOVE one")
	}},
	{name: "votes", play: func(ctx context.Context, s *side) error {
		err := s.commands(ctx,
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 7 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 7 "+idA,
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 7 "+idB, "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 6 "+idB,
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 8 "+idB)
		if err != nil {
			return err
		}
		return s.told(ctx, s.peer, s.peer, "+new-epoch", "8") // before an election needs it
	}},
	// What becomes of the old master differs: here it is a replica before the switch.
	{name: "failover without loss", peer: true, ignore: `role-change|\+convert-to-slave`, play: func(ctx context.Context, s *side) error {
		// Short periods let the subject, and only it, correct the old master soon.
		if err := s.must(ctx, "SENTINEL DEBUG info-period 500 publish-period 250"); err != nil {
			return err
		}
		if _, err := s.peer.Do(ctx, "SENTINEL", "DEBUG", "info-period", "500"); err != nil {
			return err
		}
		if err := s.promotable(ctx, 2); err != nil {
			return err
		}
		if err := s.must(ctx, "SENTINEL FAILOVER mymaster"); err != nil {
			return err
		}
		if err := s.switched(ctx, s.servers[0], s.servers[1]); err != nil {
			return err
		}
		return s.promotable(ctx, 2)
	}},
	{name: "the way of stock", play: func(ctx context.Context, s *side) error {
		return s.commands(ctx, "SENTINEL SET mymaster planned-failover stock")
	}},
	{name: "failover on demand", peer: true, ignore: `role-change slave 127.0.0.1:\{replica1-port\} |-role-change slave 127.0.0.1:\{master-port\} `, play: func(ctx context.Context, s *side) error {
		if err := s.promotable(ctx, 2); err != nil {
			return err
		}
		if err := s.must(ctx, "SENTINEL FAILOVER mymaster"); err != nil {
			return err
		}
		if err := s.switched(ctx, s.servers[1], s.servers[0]); err != nil {
			return err
		}
		returned := fmt.Sprintf("slave 127.0.0.1:%d 127.0.0.1 %d @ mymaster 127.0.0.1 %d", s.servers[1].Port(), s.servers[1].Port(), s.servers[0].Port())
		return s.told(ctx, s.subject, s.peer, "+role-change", returned+" new reported role is slave")
	}},
	{name: "failover after a crash", peer: true, ignore: `role-change`, play: func(ctx context.Context, s *side) error {
		if err := s.promotable(ctx, 2); err != nil {
			return err
		}
		if err := s.must(ctx, "SENTINEL DEBUG publish-period 2000", "SENTINEL SET mymaster down-after-milliseconds 3000"); err != nil {
			return err
		}
		if err := s.servers[0].Signal(syscall.SIGKILL); err != nil {
			return err
		}
		if err := s.switched(ctx, s.servers[0], s.servers[1]); err != nil {
			return err
		}
		return s.told(ctx, s.subject, s.subject, "+sdown", fmt.Sprintf("slave 127.0.0.1:%d 127.0.0.1 %d @ mymaster 127.0.0.1 %d",
			s.servers[0].Port(), s.servers[0].Port(), s.servers[1].Port()))
	}},
	{name: "simulated failure", over: true, play: func(ctx context.Context, s *side) error {
		if err := s.promotable(ctx, 1); err != nil {
			return err
		}
		if err := s.must(ctx, "SENTINEL SIMULATE-FAILURE crash-after-election", "SENTINEL FAILOVER mymaster"); err != nil {
			return err
		}
		status, err := s.subject.WaitExit(ctx)
		if err == nil && status != 99 {
			err = fmt.Errorf("exit status %d, want 99", status)
		}
		return err
	}},
}

// commands sends lines whose replies the table of lines covers.
func (s *side) commands(_ context.Context, lines ...string) error {
	c, err := dial(s.subject.Addr())
	if err != nil {
		return err
	}
	defer c.nc.Close()
	for _, line := range lines {
		if _, err := c.exchange(s.encode(c, line, mode{})); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	return nil
}

// must sends commands that must succeed.
func (s *side) must(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		var args []any
		for _, word := range words(s.fill(line)) {
			args = append(args, word)
		}
		// A simulated crash may come before the reply.
		switch _, err := s.subject.Do(ctx, args...); {
		case err == nil || isClosed(err):
		case strings.HasPrefix(err.Error(), "NOGOODSLAVE"):
			return fmt.Errorf("%w before it began: %s: %w", errAborted, line, err)
		default:
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	return nil
}

// switched waits until both Sentinels have told of the switch and of the
// replicas behind it.
func (s *side) switched(ctx context.Context, from, to *cluster.Server) error {
	if err := s.told(ctx, s.subject, s.peer, "+switch-master", fmt.Sprintf("mymaster 127.0.0.1 %d 127.0.0.1 %d", from.Port(), to.Port())); err != nil {
		return err
	}
	return s.told(ctx, s.subject, s.peer, "+slave", fmt.Sprintf("slave 127.0.0.1:%d 127.0.0.1 %d @ mymaster 127.0.0.1 %d", from.Port(), from.Port(), to.Port()))
}

// errAborted says that a busy machine has spoiled a scenario: a Sentinel that gets
// no time takes its replicas for outdated and ends the failover.
var errAborted = errors.New("the failover was aborted")

// told waits until both Sentinels have published an event.
func (s *side) told(ctx context.Context, one, other *cluster.Sentinel, name, text string) error {
	for _, n := range []*cluster.Sentinel{one, other} {
		ev, err := s.c.Events().Wait(ctx, name+" "+text+" of "+n.Name(), func(ev cluster.Event) bool {
			aborted := strings.HasPrefix(ev.Name, "-failover-abort") && ev.At.After(s.began)
			return ev.Sentinel == n.Name() && (ev.Name == name && ev.Text == text || aborted)
		})
		if err != nil {
			return err
		}
		if ev.Name != name {
			s.spoiled++
			return fmt.Errorf("%w: %s", errAborted, ev)
		}
	}
	return nil
}

// promotable waits until so many replicas are fit to be promoted, which they are
// with INFO replies less than a second old.
func (s *side) promotable(ctx context.Context, want int) error {
	return cluster.WaitFor(ctx, "sound replicas", func(ctx context.Context) (string, bool) {
		list, err := s.subject.Replicas(ctx, "mymaster")
		if err != nil {
			return err.Error(), false
		}
		sound := 0
		for _, r := range list {
			if r["flags"] == "slave" && r["master-link-status"] == "ok" && len(r["info-refresh"]) <= 3 && r["info-refresh"] != "0" {
				sound++
			}
		}
		return fmt.Sprint(list), sound == want
	})
}

// testEvents plays the scenarios on both sides and compares.
func testEvents(t *testing.T, p pair) {
	p.each(t, func(s *side) error { return s.calm(t.Context()) })
	p.each(t, func(s *side) error {
		return errors.Join(s.record(t.Context(), s.subject), s.record(t.Context(), s.peer))
	})
	for _, sc := range scenarios {
		t.Run(strings.ReplaceAll(sc.name, " ", "-"), func(t *testing.T) {
			var seen [2]map[string]string
			p.each(t, func(s *side) (err error) {
				for range 10 { // attempts
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					seen[s.index()], err = s.watch(ctx, sc)
					cancel()
					if !errors.Is(err, errAborted) {
						break
					}
					t.Logf("%s: %v", s.name, err)
				}
				return err
			})
			keys := slices.Sorted(maps.Keys(seen[0]))
			for _, key := range slices.Sorted(maps.Keys(seen[1])) {
				if _, both := seen[0][key]; !both {
					keys = append(keys, key)
				}
			}
			for _, key := range keys {
				compare(t, key, key, seen[0][key], seen[1][key])
			}
		})
	}
}

// calm keeps a busy machine from showing in the events: a process that gets no
// time enters TILT, and a failover that gets none ends by its timeout.
func (s *side) calm(ctx context.Context) error {
	for _, n := range []*cluster.Sentinel{s.subject, s.peer} {
		if _, err := n.Do(ctx, "SENTINEL", "DEBUG", "tilt-trigger", "3600000", "slave-reconf-timeout", "3600000"); err != nil {
			return err
		}
	}
	return nil
}

// watch plays a scenario and returns what was published and logged, by what it
// is about.
func (s *side) watch(ctx context.Context, sc scenario) (map[string]string, error) {
	nodes := []*cluster.Sentinel{s.subject}
	if sc.peer {
		nodes = append(nodes, s.peer)
	}
	start := make([]int, len(nodes))
	for i, n := range nodes {
		log, err := n.Log()
		if err != nil {
			return nil, err
		}
		start[i] = len(log)
		if _, err := s.takeCalls(ctx, n); err != nil { // of what came in between
			return nil, err
		}
	}
	before := len(s.c.Events().All())
	s.began = time.Now()
	if err := sc.play(ctx, s); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for i, n := range nodes {
		dead := sc.over && n == s.subject
		if !dead {
			if err := s.mark(ctx, n, before); err != nil {
				return nil, err
			}
		}
		role := strings.TrimPrefix(n.Name(), s.name+"-")
		s.collect(seen, sc, "event, "+sc.name+", "+role, s.published(n, before, dead))
		log, err := n.Log()
		if err != nil {
			return nil, err
		}
		s.collect(seen, sc, "log, "+sc.name+", "+role, logged(log[start[i]:]))
		if dead {
			continue // so are its scripts
		}
		calls, err := s.takeCalls(ctx, n)
		if err != nil {
			return nil, err
		}
		each, turn := called(calls)
		s.collect(seen, sc, "call, "+sc.name+", "+role, each)
		s.collect(seen, sc, "call, "+sc.name+", "+role, turn)
	}
	return seen, nil
}

// markText is in the payload of the event that marks the end of a scenario.
const markText = "quorum 77"

// mark waits until everything that a Sentinel has published and logged so far
// has arrived: it causes one more event and waits for that.
func (s *side) mark(ctx context.Context, n *cluster.Sentinel, before int) error {
	log, err := n.Log()
	if err != nil {
		return err
	}
	marks := strings.Count(log, markText+"\n")
	if _, err := n.Do(ctx, "SENTINEL", "SET", "spare", "quorum", "77"); err != nil {
		return err
	}
	if err := cluster.WaitFor(ctx, "the marking event", func(context.Context) (string, bool) {
		all := s.c.Events().All()[before:]
		return "", slices.ContainsFunc(all, func(ev cluster.Event) bool { return ev.Sentinel == n.Name() && isMark(ev.Text) })
	}); err != nil {
		return err
	}
	return cluster.WaitFor(ctx, "the marking line", func(context.Context) (string, bool) {
		log, err := n.Log()
		return log, err == nil && strings.Count(log, markText+"\n") > marks
	})
}

func isMark(text string) bool { return strings.HasSuffix(text, markText) }

// entry is one event or log line.
type entry struct{ name, text string }

// published returns the events of a Sentinel up to the mark.
func (s *side) published(n *cluster.Sentinel, before int, dead bool) []entry {
	var list []entry
	for _, ev := range s.c.Events().All()[before:] {
		if ev.Sentinel != n.Name() {
			continue
		}
		if isMark(ev.Text) {
			return list
		}
		list = append(list, entry{ev.Name, ev.Text})
	}
	if dead {
		return nil // the last ones may not have been sent any more
	}
	return list
}

var logLine = regexp.MustCompile(`^\d+:X \d\d \w{3} \d{4} [\d:.]+ (.) (.*)$`)

// logged returns the lines of a log up to the mark, with their level.
func logged(text string) []entry {
	var list []entry
	for line := range strings.Lines(text) {
		m := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			list = append(list, entry{"malformed line:", line})
			continue
		}
		if isMark(m[2]) {
			return list
		}
		name, rest, _ := strings.Cut(m[2], " ")
		if name[0] != '+' && name[0] != '-' {
			name, rest = "text", m[2]
		}
		list = append(list, entry{m[1] + " " + name, rest})
	}
	return list
}

var (
	about     = regexp.MustCompile(`^(master|slave|sentinel) \S+`)
	ctimeText = regexp.MustCompile(`before \w{3} \w{3} [ \d]\d [\d:]+ \d{4}$`)
)

// inStep takes from the epoch that a text ends with those of the failovers that a busy
// machine has spoiled on this side: each has used one up.
func (s *side) inStep(name, text string) string {
	at := strings.LastIndexByte(text, ' ') + 1
	n, err := strconv.Atoi(text[at:])
	if tells := strings.HasSuffix(name, "+new-epoch") || strings.HasSuffix(name, "+vote-for-leader") || strings.Contains(text, " voted for "); !tells || err != nil {
		return text
	}
	return text[:at] + strconv.Itoa(n-s.spoiled)
}

// collect sorts entries by what they are about. The order of entries about
// different instances is a matter of chance in both implementations.
func (s *side) collect(seen map[string]string, sc scenario, where string, list []entry) {
	ignore := regexp.MustCompile(sc.ignore)
	var texts []string
	for _, e := range list {
		e.text = s.inStep(e.name, ctimeText.ReplaceAllString(s.named(e.text), "before {time}"))
		if sc.ignore != "" && ignore.MatchString(e.name+" "+e.text) {
			continue
		}
		if level, ok := strings.CutSuffix(e.name, " text"); ok {
			texts = append(texts, e.text+" ("+level+")\n")
			continue
		}
		key := about.FindString(e.text)
		if key == "" {
			_, name, both := strings.Cut(e.name, " ")
			if key = name; !both {
				key = e.name
			}
		}
		seen[where+", "+key] += e.name + " " + e.text + "\n"
	}
	slices.Sort(texts) // how often a thing is said depends on timing
	for _, line := range slices.Compact(texts) {
		seen[where+", text"] += line
	}
}

// TestInStep: the epochs of spoiled failovers are taken off, and nothing else is.
func TestInStep(t *testing.T) {
	s := &side{spoiled: 2}
	for _, c := range []struct{ name, text, want string }{
		{"+new-epoch", "10", "8"},
		{"# +vote-for-leader", "{subject-id} 10", "{subject-id} 8"},
		{"# text", "{peer-id} voted for {subject-id} 10", "{peer-id} voted for {subject-id} 8"},
		{"+odown", "master mymaster 10.0.0.1 6379 #quorum 2/2", "master mymaster 10.0.0.1 6379 #quorum 2/2"},
		{"+slave", "slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.1 6379", "slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.1 6379"},
	} {
		if got := s.inStep(c.name, c.text); got != c.want {
			t.Errorf("%s %s became %s", c.name, c.text, got)
		}
	}
}
