package journal

import "fmt"

// Kind is what sort of attempt a report is about.
type Kind uint8

// The kinds. A Failover follows the failure of a master. A Forced one was ordered by
// an operator while the master was down. A Switchover was ordered while the master
// served, and loses nothing. A StockSwitchover was too, and is made as
// redis-sentinel does, which may lose writes. A Takeover goes on with a switchover
// that another Sentinel has left unfinished.
const (
	Failover Kind = iota
	Forced
	Switchover
	StockSwitchover
	Takeover
)

var kinds = []string{"failover", "forced", "switchover", "stock-switchover", "takeover"}

// Cause is why an attempt began.
type Cause uint8

// The causes. A Silent master did not answer; one that Refused does not let anybody
// connect, as when the process is gone. Role: the server says that it is a replica.
// NoData: it came back without data that a replica still has. Restart: it was
// restarted, and reboot-down-after says to fail over then. Operator: an operator asked
// for it, and Hook: the embedding program. Unfinished: another Sentinel has left a
// switchover unfinished.
const (
	Unknown Cause = iota
	Silent
	Refused
	Role
	NoData
	Restart
	Operator
	Hook
	Unfinished
)

var causes = []string{"unknown", "silent", "refused", "role", "no-data", "restart", "operator", "hook", "unfinished"}

// Outcome is how an attempt ended.
type Outcome uint8

// The outcomes. Open attempts go on. Promoted: the master has moved. NotElected: not
// enough votes in time. NoGoodReplica: no replica could be promoted. NotPromoted: the
// chosen replica did not become a master in time, or a step of a switchover failed.
// Declined: the checks before a switchover found that it cannot be. Overtaken: a newer
// configuration came from another Sentinel. Recovered: the master is back, and nobody
// has moved it. Abandoned: an operator has ended it, as by SENTINEL RESET. Vetoed: it
// never began, because the embedding program said no. Held: it never began, because that
// program put it off, or an operator had paused failovers. Stopped: the Sentinel was ended meanwhile.
// Interrupted: the Sentinel ended without a word, as in a crash. NoNews: nothing was
// heard of an attempt that another Sentinel wanted to lead.
const (
	Open Outcome = iota
	Promoted
	NotElected
	NoGoodReplica
	NotPromoted
	Declined
	Overtaken
	Recovered
	Abandoned
	Vetoed
	Held
	Stopped
	Interrupted
	NoNews
)

var outcomes = []string{
	"open", "promoted", "not-elected", "no-good-replica", "not-promoted", "declined", "overtaken", "recovered", "abandoned",
	"vetoed", "held", "stopped", "interrupted", "no-news",
}

// String returns the word for k, which is also its form in JSON.
func (k Kind) String() string { return word(kinds, uint8(k)) }

// String returns the word for c, which is also its form in JSON.
func (c Cause) String() string { return word(causes, uint8(c)) }

// String returns the word for o, which is also its form in JSON.
func (o Outcome) String() string { return word(outcomes, uint8(o)) }

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MarshalText implements [encoding.TextMarshaler].
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText implements [encoding.TextMarshaler].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *Kind) UnmarshalText(text []byte) error { return parse(kinds, (*uint8)(k), text) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *Cause) UnmarshalText(text []byte) error { return parse(causes, (*uint8)(c), text) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Outcome) UnmarshalText(text []byte) error { return parse(outcomes, (*uint8)(o), text) }

func word(words []string, k uint8) string {
	if int(k) < len(words) {
		return words[k]
	}
	return fmt.Sprintf("%d?", k)
}

func parse(words []string, to *uint8, text []byte) error {
	for k, w := range words {
		if w == string(text) {
			*to = uint8(k)
			return nil
		}
	}
	return fmt.Errorf("journal: %q is none of %v", text, words)
}
