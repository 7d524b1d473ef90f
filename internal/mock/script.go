package mock

import "time"

// Limits of a script: one that is longer is a mistake, or meant to harm.
const (
	maxScriptBytes  = 256 << 10
	maxNodes        = 64
	maxInstructions = 10_000
	maxProblems     = 20
)

// Script is a parsed script: data, which nothing changes while it is played.
type Script struct {
	Name     string // of the collection, or the path of the file
	Title    string
	Mistake  string // what a wrong client does; empty when the script shows none
	Right    string // what a right client does
	Workload Workload
	Master   string // the name that Sentinels know it by
	Password string // of the servers; empty for none
	Nodes    []Node

	instructions []instruction
}

// Workload is what a client is asked to do while the script is played.
type Workload string

const (
	Write     Workload = "write"     // increment a counter, again and again
	Read      Workload = "read"      // read a key from replicas, again and again
	Subscribe Workload = "subscribe" // as Write, and stay subscribed to the channel "news" of the master
)

// Node is a server or a Sentinel of a script.
type Node struct {
	Name     string
	Sentinel bool
	Of       string // a server: the one that it follows at first; empty for a master
	Port     int    // 0: any free one
	Password string // a Sentinel: what its clients have to AUTH with; empty for none

	line int
}

// Judges reports whether a verdict can come of the script.
func (s *Script) Judges() bool {
	for i := range s.instructions {
		switch s.instructions[i].verb {
		case "wait", "expect", "forbid":
			return true
		}
	}
	return false
}

// quantity is what is counted about a node.
type quantity int

const (
	writes quantity = iota
	reads
	refusals
	roles
	asks
	lists
	subscribes
	failovers
	commands
	connects
	connections // open now: the only one that can become less
	quantities
)

var quantityNames = [quantities]string{
	"writes", "reads", "refusals", "roles", "asks", "lists", "subscribes", "failovers", "commands", "connects", "connections",
}

// kinds is a set of kinds of nodes.
type kinds int

const (
	servers kinds = 1 << iota
	sentinels
	both = servers | sentinels
)

var quantityKinds = [quantities]kinds{
	servers, servers, servers, servers, sentinels, sentinels, both, sentinels, both, both, both,
}

// instruction is one line that does something. Which fields are set depends on
// the verb.
type instruction struct {
	line  int
	text  string // as it was written
	verb  string
	nodes []int // whom it is about, by their place in Script.Nodes
	other int   // a second node: whom to follow, whose field; -1 for none
	words []string
	cond  condition
	rule  rule
}

// condition is what wait and expect wait for, and what forbid and allow are
// about.
type condition struct {
	next   bool          // somebody says so
	pause  time.Duration // time passes
	count  int64
	what   quantity
	nodes  []int
	within time.Duration
}

// rule is an unusual answer to a command.
type rule struct {
	command string // "*" for all, a name in lower case, or a quantity
	how     how
	text    string // of the error, or raw
	delay   time.Duration
	left    int // how often; -1 for always
}

type how int

const (
	asUsual how = iota
	anError
	null
	raw
	half
	closing
	silent
	slow
)
