package sim

import "fmt"

// Invariant is a promise that the checker holds the Sentinels to. The zero
// value stands for none.
type Invariant uint8

// The invariants. S1 to S19 are those of state-machine.md §11.1, Safety
// invariants, in their strong form.
const (
	_ Invariant = iota
	S1
	S2
	S3
	S4
	S5
	S6
	S7
	S8
	S9
	S10
	S11
	S12
	S13
	S14
	S15
	S16
	S17
	S18
	S19
	Departed
	Unused
	Single
	Lineage
	Itself
	Planned
	Untouched
	Pauses
	Emptied
	Foreign
	Ring
	Halted
	Permitted
	Unpauser
	Promise
	Isolated
	Lifted
	Proof
	NoWayBack
	Retired
	OneWriter
	Kept
	Partial
	Rewritten
	Fence
	Answers
	Audit
	Causes
	Journal
	Codec
	Restart
	Impostor
	Gone
	Buried
	Timers
	Storm
	Traffic
	Liveness
	invariantsEnd
)

var invariants = [invariantsEnd]struct{ name, text string }{
	S1:        {"S1", "the current epoch never decreases, also across a crash, once it has left the process"},
	S2:        {"S2", "the vote epoch never decreases and is at most the current epoch"},
	S3:        {"S3", "one vote per Sentinel, master and epoch, durable before it leaves"},
	S4:        {"S4", "at most one Sentinel is elected per master and epoch, by a majority that voted in it"},
	S5:        {"S5", "SLAVEOF NO ONE is sent only after an election or on the order of an operator"},
	S6:        {"S6", "the configuration epoch never decreases, also across a crash, once it was told"},
	S7:        {"S7", "one configuration epoch of a master means one address, whoever publishes it"},
	S8:        {"S8", "the address of a master changes only together with a greater configuration epoch"},
	S9:        {"S9", "a promotion is confirmed only after INFO has said role:master"},
	S10:       {"S10", "an automatic attempt needs a master that is down here and for a quorum"},
	S11:       {"S11", "twice failover-timeout lies between attempts, and between a vote for another and an attempt, unless that one has ended"},
	S12:       {"S12", "the promoted replica is up, connected, fresh, not long cut off, and its priority is not 0"},
	S13:       {"S13", "at most parallel-syncs replicas are reconfigured at once"},
	S14:       {"S14", "in TILT nothing is judged, ordered or told to be down"},
	S15:       {"S15", "a server is corrected only below a sane master and after the wait"},
	S16:       {"S16", "a vote changes only through a vote request or an own attempt"},
	S17:       {"S17", "the state of a failover, its start and its promoted replica agree"},
	S18:       {"S18", "objectively down means subjectively down"},
	S19:       {"S19", "who leads, elected or forced, has its own vote at exactly that epoch on disk"},
	Departed:  {"departed", "who has voted for another stands before twice failover-timeout has passed only if the process of that one has ended since"},
	Unused:    {"unused", "an election takes place at an epoch in which this Sentinel has not voted for that master, nor heard of a configuration; by force, at a new one"},
	Single:    {"single", "a second server is told to become a master in an attempt only after the first has refused"},
	Lineage:   {"lineage", "no replica that lacks the data of the master is promoted while one that has them may be"},
	Itself:    {"itself", "no server is told to follow itself, under any of its addresses, but a master that is handed over"},
	Planned:   {"planned", "a master that serves is handed over when an operator asks for a failover"},
	Untouched: {"untouched", "before an election is won a switchover sends nothing but PING and INFO"},
	Pauses:    {"pauses", "a pause is short, hits the master alone, and no own hello waits behind it"},
	Emptied:   {"emptied", "without an election a master is paused only if it has lost data by a restart that a replica has"},
	Foreign:   {"foreign", "a server that says that it follows another group, and has its data, is given no role"},
	Ring:      {"ring", "a master that is a replica counts as down before its time only if nobody in its chain of masters takes writes or sends data"},
	Halted:    {"halted", "while an operator has paused failovers no attempt is begun but by force, and nobody gets a vote"},
	Permitted: {"permitted", "no attempt is begun against the policy of the program, or before it had its time to answer"},
	Unpauser:  {"unpauser", "a pause is ended by who has begun it or was elected since"},
	Promise:   {"promise", "who has promised not to replace a master neither votes for a failover of it nor stands for one, also after a restart"},
	Isolated:  {"isolated", "a master is paused by who guards it before a majority is free to replace it, and before the guard votes for that"},
	Lifted:    {"lifted", "the pause of an isolated master is ended when a majority has promised anew"},
	Proof:     {"proof", "a switchover promotes a replica when that says it has all that the old master says to have had, and tells it when the new one says that it continues"},
	NoWayBack: {"no-way-back", "a master does not get its role back once another was told to take it"},
	Retired:   {"retired", "the old master is sent to the new one when that says it is a master"},
	OneWriter: {"one-writer", "a switchover promotes a server while no other takes writes"},
	Kept:      {"kept", "what a master acknowledged before a switchover is there after it"},
	Partial:   {"partial", "a switchover leaves nobody with more than the new master has"},
	Rewritten: {"rewritten", "after a switchover the new master has its role in its configuration, for the next start"},
	Fence:     {"fence", "a fence holds back a former master, briefly and confirmed by a majority, or the master after a cold start; and nobody is promoted behind it"},
	Answers:   {"answers", "a question is answered once, and questions do not pile up"},
	Audit:     {"audit", "no contradiction inside a core: timers, queues, indexes (Core.Audit)"},
	Causes:    {"causes", "no event without its cause"},
	Journal:   {"journal", "the journal tells who led, who was promoted, how an attempt ended, and no less than what is lost"},
	Codec:     {"codec", "what the disk holds is what was saved, through the real file formats"},
	Restart:   {"restart", "a Sentinel starts from whatever it left on disk"},
	Impostor:  {"impostor", "no stranger moves a Sentinel that is heard where it is, or a master that its server has nothing to do with"},
	Gone:      {"gone", "a master counts as down because of refusals only if its process has ended so long ago, and nothing listens there since"},
	Buried:    {"buried", "a member that was forgotten is found again only when it runs again"},
	Timers:    {"timers", "the next deadline lies ahead"},
	Storm:     {"storm", "no loop turns without end in a calm world"},
	Traffic:   {"traffic", "hellos and INFO go on in a calm world"},
	Liveness:  {"liveness", "after healing: one master agreed by all, all others follow it, no failover in progress"},
}

// needsOneLeader reports whether an invariant is about a switchover that another driver
// of the same one would spoil, or about a Sentinel that another one with its id can be taken for.
func (i Invariant) needsOneLeader() bool {
	return i == Departed || i == Proof || i == NoWayBack || i == Retired || i == OneWriter || i == Kept
}

// String returns the short name, or "" for none.
func (i Invariant) String() string {
	if i >= invariantsEnd {
		return fmt.Sprintf("Invariant(%d)", uint8(i))
	}
	return invariants[i].name
}

// Text says in a sentence what is promised.
func (i Invariant) Text() string {
	if i >= invariantsEnd {
		return ""
	}
	return invariants[i].text
}

// Invariants returns all of them.
func Invariants() []Invariant {
	list := make([]Invariant, 0, invariantsEnd-1)
	for i := S1; i < invariantsEnd; i++ {
		list = append(list, i)
	}
	return list
}
