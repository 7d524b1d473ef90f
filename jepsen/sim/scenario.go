package sim

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scenario is everything that determines a run: the world, what goes wrong in
// it, and the seed of all that is left to chance. It has a text form, which is
// what the minimiser writes and the script tests replay.
type Scenario struct {
	Seed    uint64
	Options Options
	Faults  []Fault // in any order; each knows its time
}

// Options describe a world. The text form of a field is its name in words:
// DownAfter is down-after.
type Options struct {
	Sentinels int // real cores
	Stock     int // models of stock Sentinels besides them
	Spares    int // machines on which a Sentinel may be installed later
	Masters   int
	Replicas  int // of each master
	Clients   int // of each master

	Quorum          int
	DownAfter       time.Duration
	FailoverTimeout time.Duration
	ParallelSyncs   int
	Discover        bool // Sentinels do not know each other at the start
	Gossip          bool
	GossipLoss      int // percent

	Delay       time.Duration // of a message, at least
	Jitter      time.Duration // and at most so much more
	Batch       time.Duration // how long a loop may let inputs gather
	DiskLatency time.Duration
	Codec       string // of the state on disk: "" (none), "conf" or "toml"

	MinReplicas    int           // min-replicas-to-write
	SyncTime       time.Duration // of a full resynchronisation
	LoadTime       time.Duration // after a restart
	ReplTimeout    time.Duration
	IsolationFence string        // on or report: of all masters; "" means off
	Policy         bool          // programs around the Sentinels have a say in failovers
	PingPeriod     time.Duration // repl-ping-replica-period; 0: 10 s
	Storage        string        // of the servers: "" (RDB), "aof", "none" or "mixed"
	Refusing       bool          // one server refuses the transaction of a role change
	Twins          bool          // one server of each master has a second address, which the files name as a replica

	Refused time.Duration // down-after-refused

	Calm  time.Duration // before the first fault
	Chaos time.Duration // during which faults happen
	Bug   Bug
}

// Bug is a deliberate fault of the model around the cores. It serves to prove
// that the checks can fail.
type Bug string

// The bugs of the harness. Bugs of the core itself are made by changing its
// source; see package mutants.
const (
	NoBug           Bug = ""
	BugUngated      Bug = "ungated"       // what waits for the disk is carried out before the write
	BugUngatedCrash Bug = "ungated-crash" // the same, and only the consequences are looked at
	BugLossyDisk    Bug = "lossy-disk"    // writes are acknowledged and forgotten
	BugMixedEpochs  Bug = "mixed-epochs"  // votes are asked for and counted at the current epoch, as stock does
)

var bugs = []Bug{BugUngated, BugUngatedCrash, BugLossyDisk, BugMixedEpochs}

func (o *Options) ungated() bool { return o.Bug == BugUngated || o.Bug == BugUngatedCrash }

// auditEvery is the number of loop turns between two looks inside a core.
func (o *Options) auditEvery() int { return 97 }

// all returns the number of Sentinels of both kinds that there are at the start.
func (o *Options) all() int { return o.Sentinels + o.Stock }

// storageOf is how the k-th server keeps its data.
func (o *Options) storageOf(k int) storageKind {
	switch o.Storage {
	case "aof":
		return appendOnly
	case "none":
		return noStorage
	case "mixed":
		return storageKind(k) % storageKinds
	}
	return snapshots
}

// pingPeriod is how often an idle master writes something to its stream.
func (o *Options) pingPeriod() time.Duration {
	if o.PingPeriod == 0 {
		return 10 * time.Second
	}
	return o.PingPeriod
}

// hosts returns the number of machines.
func (o *Options) hosts() int {
	return o.Masters*(o.Replicas+1) + o.all() + o.Spares + o.Masters*o.Clients
}

// nodeName names the k-th Sentinel: n for real ones, s for stock ones.
func (o *Options) nodeName(k int) string {
	if k >= o.Sentinels && k < o.all() {
		return fmt.Sprintf("s%d", k)
	}
	return fmt.Sprintf("n%d", k)
}

// Draw makes a scenario out of a seed: the options, and faults of the named
// groups (see [FaultGroups]); none named means all but
// "stock", "policy", "zone", "swap", "refusal" and "forget". Every option and
// the rate of every fault is drawn anew for each seed, so that worlds differ in
// kind and not only in luck.
func Draw(seed uint64, groups []string) Scenario {
	rng := rand.New(rand.NewPCG(seed, 0x0b5e55ed))
	between := func(low, high time.Duration) time.Duration {
		return (low + time.Duration(rng.Int64N(int64(high-low)+1))).Round(time.Millisecond / 10)
	}
	in := func(group string) bool { return wanted(groups, group) && (groups != nil || group != "impostor") }
	o := Options{
		Sentinels: 3 + rng.IntN(3), Masters: 1 + rng.IntN(2), Replicas: 1 + rng.IntN(3), Clients: 1 + rng.IntN(2),
		DownAfter: between(300*time.Millisecond, 2*time.Second), FailoverTimeout: between(2*time.Second, 8*time.Second),
		ParallelSyncs: 1 + rng.IntN(2), Delay: between(100*time.Microsecond, 2*time.Millisecond),
		Jitter: between(0, 20*time.Millisecond), DiskLatency: between(100*time.Microsecond, 20*time.Millisecond),
		MinReplicas: rng.IntN(3) / 2, SyncTime: between(0, time.Second), LoadTime: between(0, 2*time.Second),
		ReplTimeout: between(5*time.Second, 60*time.Second), Refusing: rng.IntN(8) == 0,
		Calm: between(2*time.Second, 6*time.Second), Chaos: between(20*time.Second, 90*time.Second),
		Codec: []string{"", "", "", "", "conf", "toml"}[rng.IntN(6)],
	}
	if rng.IntN(3) == 0 {
		o.Batch = between(10*time.Microsecond, 2*time.Millisecond)
	}
	if groups != nil && in("stock") {
		o.Stock = 1 + rng.IntN(3)
		o.Sentinels = max(1, o.Sentinels-o.Stock)
		// Each failover disconnects clients, and stock needs up to 400 ms to come back:
		// with less, two of them take the masters that they have made for dead in turn.
		o.DownAfter = max(o.DownAfter, 500*time.Millisecond)
	}
	o.Quorum = 1 + rng.IntN(o.all()/2+1)
	o.Twins = seed%6 == 0
	if in("gossip") && rng.IntN(3) != 0 {
		o.Gossip, o.GossipLoss = true, []int{0, 0, 5, 30, 70}[rng.IntN(5)]
	}
	if in("member") {
		o.Discover = rng.IntN(3) == 0
		o.Spares = rng.IntN(3) / 2
	}
	more := rand.New(rand.NewPCG(seed, 0xda7a))
	o.Storage = []string{"", "", "", "aof", "none", "mixed"}[more.IntN(6)]
	o.Policy = in("policy") && groups != nil && seed%4 != 0
	if groups != nil && in("zone") {
		o.Masters, o.Clients = 3+more.IntN(6), 1
	}
	if groups != nil && in("swap") {
		o.Masters, o.Storage = max(o.Masters, 2), ""
	}
	o.PingPeriod = []time.Duration{0, 0, time.Second}[more.IntN(3)]
	if o.Refused = time.Duration(50+more.IntN(250)) * time.Millisecond; !in("refusal") && more.IntN(3) > 0 {
		o.Refused = 0
	}
	o.IsolationFence = []string{"", "on", "on", "on", "report"}[more.IntN(5)]
	return Scenario{Seed: seed, Options: o, Faults: drawFaults(rng, o, in)}
}

// extra are the groups that must be asked for.
var extra = []string{"stock", "policy", "zone", "swap", "refusal", "forget"}

func wanted(groups []string, group string) bool {
	if len(groups) == 0 {
		return !slices.Contains(extra, group)
	}
	for _, g := range groups {
		if g == group || g == "all" || g == "default" && !slices.Contains(extra, group) {
			return true
		}
	}
	return false
}

// String is the text form. [ParseScenario] reads it back.
func (s Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\n", s.Seed)
	v := reflect.ValueOf(s.Options)
	for k := range v.NumField() {
		if f := v.Field(k); !f.IsZero() {
			fmt.Fprintf(&b, "%s %v\n", inWords(v.Type().Field(k).Name), f.Interface())
		}
	}
	for _, f := range s.Faults {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// inWords turns FieldName into field-name.
func inWords(name string) string {
	var b strings.Builder
	for k, r := range name {
		if k > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// ParseScenario reads the text form of a scenario. Empty lines and lines that
// begin with # are comments. Options that are missing are zero, so a scenario
// says all that matters.
func ParseScenario(text string) (Scenario, error) {
	var s Scenario
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.parseLine(words); err != nil {
			return s, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return s, s.Validate()
}

func (s *Scenario) parseLine(words []string) error {
	if words[0] == "at" {
		f, err := parseFault(words)
		s.Faults = append(s.Faults, f)
		return err
	}
	if len(words) != 2 {
		return fmt.Errorf("%q: want an option and its value, or a fault that begins with \"at\"", strings.Join(words, " "))
	}
	if words[0] == "seed" {
		var err error
		if s.Seed, err = strconv.ParseUint(words[1], 10, 64); err != nil {
			err = fmt.Errorf("seed: want a number from 0 to 2^64-1, not %q", words[1])
		}
		return err
	}
	v := reflect.ValueOf(&s.Options).Elem()
	for k := range v.NumField() {
		if inWords(v.Type().Field(k).Name) == words[0] {
			return setOption(v.Field(k), words[1])
		}
	}
	return fmt.Errorf("there is no option %q", words[0])
}

func setOption(f reflect.Value, text string) error {
	switch f.Interface().(type) {
	case int:
		n, err := strconv.Atoi(text)
		f.SetInt(int64(n))
		return err
	case bool:
		on, err := strconv.ParseBool(text)
		f.SetBool(on)
		return err
	case time.Duration:
		d, err := time.ParseDuration(text)
		f.SetInt(int64(d))
		return err
	}
	f.SetString(text)
	return nil
}

// Validate says what is wrong with a scenario, or nil.
func (s Scenario) Validate() error {
	o := s.Options
	switch {
	case o.Sentinels < 0 || o.Stock < 0 || o.all() < 1 || o.all() > 20:
		return fmt.Errorf("sentinels and stock make %d Sentinels: want 1 to 20", o.all())
	case o.Spares < 0 || o.Spares > 20:
		return fmt.Errorf("want at most 20 spares")
	case o.Masters < 1 || o.Masters > 50 || o.Replicas < 0 || o.Replicas > 20 || o.Clients < 0 || o.Clients > 20:
		return fmt.Errorf("want 1 to 50 masters, at most 20 replicas and 20 clients of each")
	case o.Quorum < 1 || o.ParallelSyncs < 1:
		return fmt.Errorf("quorum and parallel-syncs must be at least 1")
	case o.DownAfter < time.Millisecond || o.FailoverTimeout < time.Millisecond:
		return fmt.Errorf("down-after and failover-timeout must be at least 1ms")
	case o.ReplTimeout < 2*time.Second:
		return fmt.Errorf("repl-timeout must be at least 2s, or replicas give up their master between two heartbeats")
	case o.Codec != "" && o.Codec != "conf" && o.Codec != "toml":
		return fmt.Errorf("codec %q: want conf, toml or none", o.Codec)
	case !slices.Contains([]string{"", "aof", "none", "mixed"}, o.Storage):
		return fmt.Errorf("storage %q: want aof, none, mixed, or nothing for RDB", o.Storage)
	case !slices.Contains([]string{"", "on", "report"}, o.IsolationFence):
		return fmt.Errorf("isolation-fence %q: want on, report, or nothing for off", o.IsolationFence)
	case o.Bug != NoBug && !slices.Contains(bugs, o.Bug):
		return fmt.Errorf("there is no bug %q: want one of %q", o.Bug, bugs)
	case len(s.Faults) > maxFaults:
		return fmt.Errorf("%d faults are too many: want at most %d", len(s.Faults), maxFaults)
	}
	if err := o.validDurations(); err != nil {
		return err
	}
	return validFaults(s.Faults)
}

func (o *Options) validDurations() error {
	v := reflect.ValueOf(*o)
	for k := range v.NumField() {
		if d, ok := v.Field(k).Interface().(time.Duration); ok && (d < 0 || d > maxTime) {
			return fmt.Errorf("%s %v: want a time from 0s to %v", inWords(v.Type().Field(k).Name), d, maxTime)
		}
	}
	return nil
}

func validFaults(faults []Fault) error {
	for _, f := range faults {
		if f.At > 2*maxTime || f.D > 2*maxTime || f.A > maxChoice || f.B > maxChoice {
			return fmt.Errorf("%q: times must be at most %v, a and b at most %d", f, 2*maxTime, maxChoice)
		}
		if kindOf(f.Kind) == nil {
			return fmt.Errorf("there is no fault %q: want one of %s", f.Kind, strings.Join(FaultKinds(""), ", "))
		}
		if f.On != "" && !slices.Contains(moments, f.On) {
			return fmt.Errorf("a fault cannot wait for %q: want one of %s", f.On, strings.Join(moments, ", "))
		}
	}
	return nil
}

// Limits of a scenario, so that a mistake in one does not run forever.
const (
	maxTime   = 24 * time.Hour // of every option
	maxFaults = 10000
	maxChoice = 1 << 20 // of a and b, which are taken modulo what there is
)
