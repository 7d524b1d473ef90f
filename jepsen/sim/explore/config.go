package explore

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// Config is the world to explore. The zero value is not useful; [Config.Validate]
// says what is wrong with one.
type Config struct {
	Sentinels int           // 1 to 4, all knowing each other
	Masters   int           // 1 or 2
	Epochs    monitor.Epoch // 1 to 3: what would need a later one is not followed
	Quorum    int           // of each master

	// Voters is the number of Sentinels that only vote: they never stand for
	// election themselves. It bounds a world that is too large otherwise.
	Voters int
	// Alone explores one Sentinel of such a world, to whom anything may be told at
	// any time that a message of that world can say, see alone.go.
	Alone bool
	// NoCrashes leaves crashes out.
	NoCrashes bool
	// DiskFaults adds writes that fail and writes that hang.
	DiskFaults bool
	// Expiry adds answers of peers that expire.
	Expiry bool
	// Others adds other masters: their elections raise the epoch and cause writes at
	// any time. Nothing more is seen of them, so that one stands for all.
	Others bool
	// Meddling adds a stranger whose hellos raise the epoch at any time, as
	// failovers of masters do that are not part of this world.
	Meddling bool

	// MixedEpochs has the Sentinels ask for votes, and count them, at their
	// current epoch instead of the epoch of their attempt, as stock Sentinels do
	// (state-machine.md §5.3).
	MixedEpochs bool

	// Everything turns the reductions off that leave out deliveries without
	// consequence, to compare.
	Everything bool

	// MaxStates ends a search that gets too large; 0 means 100 million.
	MaxStates int
}

// Validate says what is wrong with c, or nil.
func (c Config) Validate() error {
	switch {
	case c.Sentinels < 1 || c.Sentinels > maxNodes:
		return fmt.Errorf("explore: %d Sentinels: want 1 to %d", c.Sentinels, maxNodes)
	case c.Masters < 1 || c.Masters > maxMasters:
		return fmt.Errorf("explore: %d masters: want 1 or %d", c.Masters, maxMasters)
	case c.Epochs < 1 || c.Epochs > maxEpochs:
		return fmt.Errorf("explore: %d epochs: want 1 to %d", c.Epochs, maxEpochs)
	case c.Quorum < 1 || c.Quorum > c.Sentinels:
		return fmt.Errorf("explore: quorum %d of %d Sentinels", c.Quorum, c.Sentinels)
	case c.Voters < 0 || c.Voters >= c.Sentinels:
		return fmt.Errorf("explore: %d of %d Sentinels only vote: one must stand for election", c.Voters, c.Sentinels)
	}
	if c.Others && (!c.Alone || c.Masters != 1) {
		return errors.New("explore: Others go with one master and one Sentinel alone")
	}
	if c.Alone && (c.Voters > 0 || c.Meddling || c.Everything) {
		return errors.New("explore: a Sentinel alone is told everything anyway: Voters, Meddling and Everything have no meaning for it")
	}
	return nil
}

// maxStates is MaxStates with its default.
func (c Config) maxStates() int {
	if c.MaxStates == 0 {
		return 100_000_000
	}
	return c.MaxStates
}

// String describes the world.
func (c Config) String() string {
	var b strings.Builder
	if c.Alone {
		b.WriteString("one of ")
	}
	fmt.Fprintf(&b, "%s, %s, %s, quorum %d", several(c.Sentinels, "Sentinel"), several(c.Masters, "master"), several(int(c.Epochs), "epoch"), c.Quorum)
	for _, o := range []struct {
		on   bool
		text string
	}{
		{c.Voters > 0, fmt.Sprintf("%d of them only vote", c.Voters)},
		{!c.NoCrashes, "crashes"}, {c.DiskFaults, "disk faults"}, {c.Expiry, "expiring answers"}, {c.Others, "others"},
		{c.Meddling, "a stranger"}, {c.MixedEpochs, "MIXED EPOCHS"}, {c.Everything, "no reductions"},
	} {
		if o.on {
			b.WriteString(", " + o.text)
		}
	}
	return b.String()
}

func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Sizes that the encodings have room for.
const (
	maxNodes   = 4
	maxMasters = 2
	maxEpochs  = 3
)

const (
	birth     = monitor.Instant(time.Hour) // of every process: each has its own clock
	downAfter = time.Second
)

// The names, made once: a search asks for them at every step.
var (
	nodeNames   [maxNodes]string
	masterNames [maxMasters]string
	runIDs      [maxNodes]monitor.RunID
	masterAddrs [maxMasters]monitor.Addr
)

func init() {
	for k := range nodeNames {
		nodeNames[k] = fmt.Sprintf("n%d", k)
		runIDs[k] = monitor.RunID(nodeNames[k] + strings.Repeat("_", election.RunIDLen-len(nodeNames[k])))
	}
	for k := range masterNames {
		masterNames[k] = fmt.Sprintf("m%d", k)
		masterAddrs[k] = ipAddr(fmt.Sprintf("10.0.0.%d", k+1), 6379)
	}
}

func nodeName(k int) string     { return nodeNames[k] }
func masterName(k int) string   { return masterNames[k] }
func runID(k int) monitor.RunID { return runIDs[k] }

// nobody is the index of the empty run id: of a vote for no Sentinel.
const nobody = maxNodes

// indexOf returns which Sentinel has an id.
func indexOf(id monitor.RunID) int {
	if id == "" {
		return nobody
	}
	return int(id[1] - '0')
}

func ipAddr(host string, port int) monitor.Addr {
	a, _ := monitor.IPAddr(host, port)
	return a
}

// saved is what a disk holds that differs from one moment to another.
type saved struct {
	epoch  monitor.Epoch
	leader [maxMasters]monitor.Epoch
}

func savedOf(s monitor.State) saved {
	d := saved{epoch: s.CurrentEpoch}
	for k, m := range s.Masters {
		d.leader[k] = m.LeaderEpoch
	}
	return d
}

// state is the whole configuration that Sentinel n finds on its disk.
func (c Config) state(n int, d saved) monitor.State {
	s := monitor.State{Options: monitor.Options{MyID: runID(n)}, CurrentEpoch: d.epoch}
	masters := c.Masters
	if c.Others {
		masters++
	}
	for k := range masters {
		m := &monitor.MasterState{
			MasterConfig: monitor.MasterConfig{
				Name: masterName(k), Addr: masterAddrs[k],
				Quorum: c.Quorum, DownAfter: downAfter, FailoverTimeout: 20 * time.Second, ParallelSyncs: 1,
				NeverLead: n >= c.Sentinels-c.Voters || k >= c.Masters,
			},
			LeaderEpoch: d.leader[k],
		}
		for p := range c.Sentinels {
			if p != n {
				m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: ipAddr(fmt.Sprintf("10.0.1.%d", p+1), 26379), ID: runID(p)})
			}
		}
		s.Masters = append(s.Masters, m)
	}
	return s
}
