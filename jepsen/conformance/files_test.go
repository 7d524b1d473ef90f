package conformance

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

var seedFlag = flag.Uint64("seed", 0, "first seed of the random files; 0 takes one from the clock")

// plan is a random configuration file and what is done to it at run time.
type plan struct {
	rng     *rand.Rand
	masters []string
	epoch   int // the current one; no vote can be newer
	ports   int // given out so far, to servers that do not exist
	lines   []string
	calls   []string
}

// newPlan draws a valid file in which everything occurs that a Sentinel keeps,
// in the ways in which operators write it.
func newPlan(seed uint64) *plan {
	p := &plan{rng: rand.New(rand.NewPCG(seed, 1))}
	p.global()
	for i := range 1 + p.rng.IntN(3) {
		p.master("m" + strconv.Itoa(i+1))
	}
	// Order does not matter in a file, except for comments.
	p.rng.Shuffle(len(p.lines), func(i, j int) { p.lines[i], p.lines[j] = p.lines[j], p.lines[i] })
	for range p.rng.IntN(8) {
		p.calls = append(p.calls, p.call())
	}
	return p
}

// fixedPlan has what is saved differently on purpose, so that no run can miss it.
func fixedPlan() *plan {
	return &plan{
		lines: []string{"# kept", "", "requirepass foobared", "user alice on >wonder resetchannels &+switch-master -@all +ping", "sentinel current-epoch 7", "sentinel monitor m1 127.0.0.1 1 2", "sentinel down-after-milliseconds m1 100000000", "sentinel config-epoch m1 3",
			// No numbers, but lines with which a Sentinel starts.
			"save", "sentinel failover-timeout m1 5000x", "sentinel parallel-syncs m1 2,5", "sentinel announce-port 26000th", "sentinel master-reboot-down-after-period m1 x", "sentinel monitor m2 127.0.0.1 3rd 2nd", "sentinel down-after-milliseconds m2 +100000000"},
		calls: []string{"SENTINEL MONITOR n1 127.0.0.1 2 2", "SENTINEL SET n1 down-after-milliseconds 100000000"},
	}
}

// defaultsPlan has lines that say what holds without them.
func defaultsPlan() *plan {
	return &plan{
		lines: []string{"sentinel monitor m1 127.0.0.1 1 2", "sentinel parallel-syncs m1 1", "sentinel failover-timeout m1 180000", "sentinel down-after-milliseconds m1 30000",
			"sentinel master-reboot-down-after-period m1 0", "sentinel announce-port 0", "sentinel deny-scripts-reconfig yes", "sentinel resolve-hostnames no",
			"sentinel monitor gone 127.0.0.1 2 2", "sentinel parallel-syncs gone 1", `sentinel announce-ip ""`},
		calls: []string{"SENTINEL SET m1 parallel-syncs 5 failover-timeout 1000", "SENTINEL SET m1 parallel-syncs 1 failover-timeout 180000", "SENTINEL REMOVE gone"},
	}
}

// fieldPlan is a file as people have it. What differs between machines is the
// harness's own, and servers that nobody reaches go down only after the test. What
// stock refuses, or writes such that it cannot load it again, is left out.
func fieldPlan(t *testing.T, path string) *plan {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{}
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		line = strings.TrimSuffix(line, "\n") // a CR stays
		w := words(line)
		switch {
		case len(w) > 0 && slices.Contains([]string{"port", "bind", "dir", "logfile", "pidfile", "daemonize"}, w[0]):
		case len(w) > 0 && w[0] == "maxheap", strings.Contains(line, "rename-command"): // refused; written without its quotes
		case strings.Contains(line, "known-slave web 192.0.2.121"): // the master itself, which stock lists as its own replica
		default:
			line = strings.Replace(line, "known-slave", "known-replica", 1) // of which 7.0 does not know that they are the same
			p.lines = append(p.lines, shortPeriod.ReplaceAllString(line, "${1}100000000"))
		}
	}
	return p
}

var shortPeriod = regexp.MustCompile(`(down-after-milliseconds \S+ )5000\b`)

// maybe adds a line with a chance of one in n.
func (p *plan) maybe(n int, line string) {
	if p.rng.IntN(n) == 0 {
		p.lines = append(p.lines, p.styled(line))
	}
}

// styled writes a directive in one of the ways that are allowed.
func (p *plan) styled(line string) string {
	switch p.rng.IntN(8) {
	case 0:
		return "  " + strings.ReplaceAll(line, " ", "  ")
	case 1:
		return strings.Replace(line, "sentinel ", "SENTINEL ", 1)
	case 2:
		if cut := strings.LastIndexByte(line, ' '); cut >= 0 && !strings.ContainsAny(line, `"'`) {
			return line[:cut] + ` "` + line[cut+1:] + `"`
		}
	}
	return line
}

func (p *plan) global() {
	p.maybe(2, "# what the operator wrote")
	p.maybe(2, "")
	p.maybe(3, "loglevel notice")
	p.maybe(3, "protected-mode no")
	p.maybe(4, "maxclients 5000")
	p.maybe(4, "timeout 0")
	p.maybe(2, "sentinel myid "+p.id())
	if p.epoch = p.rng.IntN(20); p.epoch > 0 {
		p.lines = append(p.lines, p.styled("sentinel current-epoch "+strconv.Itoa(p.epoch)))
	}
	p.maybe(3, "sentinel announce-ip 127.0.0.1")
	p.maybe(3, "sentinel announce-port 26000")
	p.maybe(3, "sentinel deny-scripts-reconfig no")
	p.maybe(6, "sentinel deny-scripts-reconfig yes")
	p.maybe(4, "sentinel resolve-hostnames yes")
	p.maybe(6, "sentinel resolve-hostnames no")
	p.maybe(4, "sentinel announce-hostnames yes")
	p.maybe(4, "sentinel sentinel-user bob")
	p.maybe(4, "sentinel sentinel-pass secret")
	p.maybe(3, "requirepass foobared")
	p.maybe(3, "user alice on >wonder ~* &* +@all")
	p.maybe(3, `user carol off nopass resetchannels &+switch-master -@all +ping`)
	p.maybe(6, "acl-pubsub-default allchannels")
	p.maybe(6, "acllog-max-len 5")
}

func (p *plan) master(name string) {
	p.masters = append(p.masters, name)
	p.lines = append(p.lines, p.styled("sentinel monitor "+name+" 127.0.0.1 "+p.port()+" "+p.number(3)))
	p.lines = append(p.lines, "sentinel down-after-milliseconds "+name+" "+strconv.Itoa(100000000+p.rng.IntN(1000)))
	for _, o := range []string{
		"failover-timeout %s " + p.number(100000), "parallel-syncs %s " + p.number(4), "auth-pass %s s3cret", "auth-user %s alice",
		"notification-script %s /bin/true", "client-reconfig-script %s /bin/true", "master-reboot-down-after-period %s " + p.number(5000),
		"config-epoch %s " + p.number(15), "rename-command %s CONFIG guessme", "rename-command %s slaveof follow",
		"failover-timeout %s 180000", "parallel-syncs %s 1",
	} {
		p.maybe(3, "sentinel "+fmt.Sprintf(o, name))
	}
	if p.epoch > 0 {
		p.maybe(2, "sentinel leader-epoch "+name+" "+p.number(p.epoch))
	}
	for range p.rng.IntN(3) {
		p.lines = append(p.lines, p.styled("sentinel known-replica "+name+" 127.0.0.1 "+p.port()))
	}
	for range p.rng.IntN(3) {
		p.lines = append(p.lines, p.styled("sentinel known-sentinel "+name+" 127.0.0.1 "+p.port()+" "+p.id()))
	}
}

// port returns a port without a listener.
func (p *plan) port() string {
	p.ports++
	return strconv.Itoa(p.ports)
}

func (p *plan) number(max int) string { return strconv.Itoa(1 + p.rng.IntN(max)) }

func (p *plan) id() string {
	return fmt.Sprintf("%08x%016x%016x", p.rng.Uint32(), p.rng.Uint64(), p.rng.Uint64())
}

// call is one command that changes the state, or is refused by both.
func (p *plan) call() string {
	name := p.masters[p.rng.IntN(len(p.masters))]
	switch p.rng.IntN(17) {
	case 0:
		p.masters = append(p.masters, "n"+p.number(9))
		return "SENTINEL MONITOR " + p.masters[len(p.masters)-1] + " 127.0.0.1 " + p.port() + " 2"
	case 1:
		return "SENTINEL REMOVE " + name
	case 2:
		return "SENTINEL SET " + name + " quorum " + p.number(5) + " parallel-syncs " + p.number(5)
	case 3:
		return "SENTINEL SET " + name + " failover-timeout 180000 down-after-milliseconds 100000001"
	case 4:
		return "SENTINEL SET " + name + " auth-pass pw" + p.number(9)
	case 5:
		return "SENTINEL SET " + name + ` auth-pass "" auth-user ""`
	case 6:
		return "SENTINEL SET " + name + " rename-command CONFIG other" + p.number(9)
	case 7:
		return "SENTINEL SET " + name + " rename-command config CONFIG"
	case 8:
		return "SENTINEL SET " + name + " master-reboot-down-after-period " + strconv.Itoa(p.rng.IntN(3))
	case 9:
		return "SENTINEL SET " + name + ` notification-script ""`
	case 10:
		return "SENTINEL CONFIG SET announce-port " + strconv.Itoa(p.rng.IntN(3))
	case 11:
		return "SENTINEL CONFIG SET resolve-hostnames " + []string{"yes", "no"}[p.rng.IntN(2)]
	case 12:
		return "SENTINEL CONFIG SET sentinel-pass pw" + p.number(9)
	case 13:
		return "ACL SETUSER dave on >pw" + p.number(9) + " ~x &+switch-master +ping"
	case 14:
		return "ACL SETUSER alice off resetkeys"
	case 15:
		return "ACL DELUSER carol"
	default:
		return "SENTINEL RESET " + name
	}
}

// testFiles plays random plans on both sides.
func testFiles(t *testing.T, p pair) {
	first, count := *seedFlag, uint64(5)
	if *long {
		count = 100
	}
	if first == 0 {
		first = uint64(time.Now().UnixNano()) % 1e9
	}
	t.Logf("seeds %d to %d; -seed repeats a run", first, first+count-1)
	t.Run("fixed", func(t *testing.T) { playPlan(t, p, fixedPlan(), "fixed") })
	t.Run("defaults", func(t *testing.T) { playPlan(t, p, defaultsPlan(), "defaults") })
	field, err := filepath.Glob("../../configrewrite/testdata/field/*.conf")
	if err != nil || len(field) == 0 {
		t.Fatalf("no files from the field: %v", err)
	}
	for _, path := range field {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		t.Run(name, func(t *testing.T) { playPlan(t, p, fieldPlan(t, path), name) })
	}
	for seed := first; seed < first+count; seed++ {
		name := "seed" + strconv.FormatUint(seed, 10)
		t.Run(name, func(t *testing.T) { playPlan(t, p, newPlan(seed), name) })
	}
}

// playPlan compares what both make of a plan, and of each other's files.
func playPlan(t *testing.T, p pair, plan *plan, name string) {
	files := [2]*file{}
	for i, s := range p {
		files[i] = &file{side: &side{name: s.name, command: s.command, c: s.c}}
	}
	both := func(what string, do func(context.Context, *file) (map[string]string, error)) {
		t.Helper()
		var seen [2]map[string]string
		p.each(t, func(s *side) (err error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			seen[s.index()], err = do(ctx, files[s.index()])
			return err
		})
		for _, key := range slices.Sorted(maps.Keys(seen[0])) {
			compare(t, fmt.Sprintf("%s, %s, %s", name, what, key), "file, "+key, seen[0][key], seen[1][key])
		}
		if t.Failed() {
			t.Fatalf("the file:\n%s\nthe commands:\n%s", strings.Join(plan.lines, "\n"), strings.Join(plan.calls, "\n"))
		}
	}
	both("loaded", func(ctx context.Context, f *file) (map[string]string, error) { return f.load(ctx, plan, name) })
	for _, call := range plan.calls {
		both(call, func(ctx context.Context, f *file) (map[string]string, error) { return f.call(ctx, call) })
	}
	both("changed", func(ctx context.Context, f *file) (map[string]string, error) { return f.state(ctx) })
	both("saved", func(ctx context.Context, f *file) (map[string]string, error) { return f.directives(ctx) })
	for i, f := range files {
		f.takeOver(t, name, plan, p[1-i])
	}
}

// takeOver starts the other implementation on the file that this one has saved.
// It must show the same state, and save the same directives.
func (f *file) takeOver(t *testing.T, name string, plan *plan, other *side) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	state, saved := f.seen, f.saved
	f.node.SetCommand(other.command...)
	err := f.node.Restart(ctx)
	if err == nil {
		_, err = f.state(ctx)
	}
	if err == nil {
		_, err = f.directives(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	where := "file, " + f.name + ", then " + other.name
	for _, key := range slices.Sorted(maps.Keys(state)) {
		compare(t, name+", "+where+", "+key, where+", "+key, state[key], f.seen[key])
	}
	compare(t, name+", "+where, where, saved["directives"], f.saved["directives"])
	if t.Failed() {
		t.Fatalf("the file:\n%s\nthe commands:\n%s", strings.Join(plan.lines, "\n"), strings.Join(plan.calls, "\n"))
	}
	f.node.Kill()
}

// file is a Sentinel that was started with the file of a plan.
type file struct {
	*side
	node     *cluster.Sentinel
	password string // "" without requirepass

	seen, saved map[string]string // the last results of state and directives
}

func (f *file) load(ctx context.Context, p *plan, name string) (map[string]string, error) {
	var err error
	if f.node, err = f.startSentinel(ctx, name, p.lines...); err != nil {
		return nil, err
	}
	f.subject, f.password = f.node, passwordIn(p.lines)
	f.name1("dir", f.node.Dir())
	return f.state(ctx)
}

func (f *file) call(_ context.Context, line string) (map[string]string, error) {
	reply, err := f.ask(line)
	return map[string]string{"reply": reply}, err
}

func (f *file) ask(line string) (string, error) {
	c, err := dial(f.node.Addr())
	if err != nil {
		return "", err
	}
	defer c.nc.Close()
	if f.password != "" {
		if reply, err := c.exchange(multibulk([]string{"AUTH", f.password})); err != nil || f.show("AUTH", reply) != "+OK" {
			return f.show("AUTH", reply), fmt.Errorf("AUTH %s: %w", f.password, err)
		}
	}
	reply, err := c.exchange(multibulk(words(line)))
	return f.show(line, reply), err
}

// state is what the Sentinel shows of what the file says.
func (f *file) state(ctx context.Context) (map[string]string, error) {
	seen := map[string]string{}
	lines := []string{"SENTINEL MYID", "SENTINEL MASTERS", "SENTINEL CONFIG GET [ars]*", "ACL LIST"}
	v, err := f.node.Do(ctx, "ROLE")
	if err != nil {
		return nil, err
	}
	for _, name := range v.([]any)[1].([]any) {
		lines = append(lines, fmt.Sprint("SENTINEL REPLICAS ", name), fmt.Sprint("SENTINEL SENTINELS ", name))
	}
	for _, line := range lines {
		reply, err := f.ask(line)
		if err != nil {
			return nil, err
		}
		// Whether the next attempt to connect is under way is a matter of chance.
		seen[line] = strings.ReplaceAll(reply, ",disconnected", "")
	}
	f.seen = seen
	return seen, nil
}

// directives saves the file and returns its directives, in no order.
func (f *file) directives(context.Context) (map[string]string, error) {
	if reply, err := f.ask("SENTINEL FLUSHCONFIG"); err != nil || reply != "+OK" {
		return nil, fmt.Errorf("FLUSHCONFIG: %s, %w", reply, err)
	}
	text, err := os.ReadFile(f.node.Conf())
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			w := words(f.named(line))
			if w[0] = strings.ToLower(w[0]); w[0] == "loglevel" {
				w[1] = strings.ToLower(w[1]) // stock spells it anew
			}
			lines = append(lines, strings.Join(w, " "))
		}
	}
	// A vote in the newest epoch known, which is what gosentinel assumes where it
	// does not know.
	for i, line := range lines {
		name, epoch, _ := cutLast(line)
		if strings.HasPrefix(name, "sentinel leader-epoch") && slices.Contains(lines, "sentinel current-epoch "+epoch) {
			lines[i] = name + " {current-epoch}"
		}
	}
	// While no epoch is known at all, gosentinel writes no vote into a file that came
	// with an id: it does not know whether it has given one. Stock writes one at 0.
	if slices.Contains(lines, "sentinel current-epoch 0") {
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "sentinel leader-epoch") && strings.HasSuffix(line, " {current-epoch}")
		})
	}
	slices.Sort(lines)
	f.saved = map[string]string{"directives": strings.Join(lines, "\n") + "\n"}
	return f.saved, nil
}

func cutLast(line string) (before, last string, found bool) {
	cut := strings.LastIndexByte(line, ' ')
	if cut < 0 {
		return line, "", false
	}
	return line[:cut], line[cut+1:], true
}
