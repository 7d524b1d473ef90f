package monitor

import (
	"fmt"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// master is one monitored master with its replicas and Sentinels.
type master struct {
	instance
	cfg      MasterConfig
	replicas []*replica
	peers    []*peer
	distant  []distant
	fences   []*fence

	exMasters []*exMaster // the oldest first
	cold      cold

	ledger    election.Ledger
	voteSeq   uint64  // the Persist that holds the ledger's vote
	votedAt   Instant // when this Sentinel gave another a vote that puts its own attempts off; 0: the last one was not such
	mandated  Instant // when this Sentinel last voted, or started with a vote that led to nothing it knows of; 0: never
	recall    recall
	lineage   election.Lineage
	histories recent  // of the group, since the start of this Sentinel or RESET
	left      recent  // before it, since the start of this Sentinel
	hadKeys   bool    // since lineage.ReplID is its history; what is saved says this
	process   RunID   // of the server, when lineage was noted
	loaded    bool    // it had keys when it started
	saving    saving  // as it was when lineage was noted
	clean     bool    // all that it had then was on its disk
	compared  Instant // since when its data are compared with those of its replicas; 0: they are not
	settled   *Info   // its last INFO in which it was not loading; nil: there is none since its address changed
	settledAt Instant // when it answered so; 0: never
	outrun    bool    // a replica has told of a later history of it since
	lostSince Instant // since when it is back without data that a replica has; 0: it is not

	ringSince  Instant // since when its chain of masters is known to lead back to itself; 0: it does not
	ring       string  // that chain, in words
	lossFence  lossFence
	alsoNamed  recent // names under which others watch the group
	replacedOn ConnID // connection over which it was told to follow the one in its place; 0: it was not

	forgotten    forgotten // by RESET
	awaited      []awaited // voters that are not heard yet, since a RESET or for another
	tombstones   []tombstone
	quietUntil   Instant // nothing is learned before, see resetPause
	ordered      Instant // when an operator's MONITOR named the address; 0: it was not so
	orderedEpoch Epoch   // the current epoch then

	kept        kept
	configEpoch Epoch
	pause       failoverPause
	reasons     reasons
	policy      policy
	led         Epoch  // of the last failover that this process led to a promotion; 0: none
	configSeq   uint64 // the Persist that holds address and config epoch
	shownAs     Shown  // as TakeAddrs gave it last
	unshown     bool   // it is in Core.unshown
	durable     published
	announced   bool // the promotion of the running failover was announced

	attempt        election.Attempt
	force          force
	byProgram      bool    // it was the embedding program that ordered the last failover
	waitTold       Instant // attempt.Changed of the choice for which a wait was told
	switchover     switchover
	inquiry        inquiry
	lease          lease
	promise        promise
	isolation      isolation
	voted          voted
	takeOverAt     Instant // when this Sentinel stands for taking over; 0: not planned
	askedAnew      uint64  // token of the INFO that must say first that there is something to take over; 0: not asked
	hasListed      bool    // its replicas are known, from itself or from the file
	droveAlone     bool    // its last switchover went on without a majority
	promoted       *replica
	orders         int     // to become the master, sent to promoted and not refused for certain
	candidateAt    Instant // end of the desynchronisation wait, 0 when not waiting
	candidateSince Instant // when that wait began
	restartAt      Instant // when an election that cannot be won is repeated; 0: not planned
	delayLogged    Instant // attempt.Start for which the next delay was logged

	rebootSince Instant
	refusal     refusal
	askFloor    uint64 // replies to questions up to this one are about an older address
	reaskedAt   Instant
	reasked     int  // how often since +sdown
	awaiting    bool // is in disk.waiting
	sharedDown  bool // the opinion last shared over gossip

	hello       Hello   // last published, see publishCommand
	lastPublish Command // publishes hello

	judge timer // the timer of run; instance.timer drives the periodic commands
}

// published is a configuration that may be announced: one that a restart of
// this process cannot lose.
type published struct {
	addr  Addr
	epoch Epoch
}

func (m *master) base() *instance { return &m.instance }

// load adds a master with everything that was saved about it.
func (c *Core) load(now Instant, ms *MasterState) error {
	if c.byName[ms.Name] != nil {
		return fmt.Errorf("monitor: master %q is configured twice", ms.Name)
	}
	m := c.addMaster(now, ms.MasterConfig)
	m.configEpoch = ms.ConfigEpoch
	m.ledger.Epoch = ms.LeaderEpoch
	if ms.VoteUnknown {
		m.ledger.Epoch = c.epoch
		c.forgetVotes(m)
	}
	c.recallLease(now, m)
	c.recallPromise(now, m)
	c.recallFence(now, m, ms)
	c.loadPause(now, m, ms.Pause)
	c.loadTombstones(now, m, ms.Tombstones)
	m.durable.epoch = ms.ConfigEpoch
	m.lineage, m.hadKeys = ms.Lineage, ms.Lineage.Keys
	m.cold.runID = ms.RunID
	c.loadExMasters(now, m, ms.ExMasters)
	for _, a := range ms.Replicas {
		c.addReplica(now, m, a, nil)
	}
	// Replicas that are known from hellos alone may not be all: the master was never heard.
	m.hasListed = len(ms.Replicas) > 0 && ms.Lineage.Heard
	for _, s := range ms.Sentinels {
		if s.ID != c.opts.MyID && m.peerByID(s.ID) == nil {
			c.addPeer(now, m, s.Addr, s.ID)
		}
	}
	c.emit(&m.instance, event.Monitor{Instance: c.ref(&m.instance), Quorum: m.cfg.Quorum})
	return nil
}

// addMaster starts monitoring a master whose name is not taken.
func (c *Core) addMaster(now Instant, cfg MasterConfig) *master {
	if cfg.DownAfter == 0 {
		cfg.DownAfter = c.tun.DefaultDownAfter
	}
	if cfg.FailoverTimeout == 0 {
		cfg.FailoverTimeout = c.tun.DefaultFailoverTimeout
	}
	cfg = cfg.WithDefaults()
	m := &master{cfg: cfg, durable: published{addr: cfg.Addr}}
	c.initInstance(now, &m.instance, KindMaster, cfg.Name, m, cfg.Addr, cfg.DownAfter)
	c.initTimer(&m.judge, m)
	c.masters = append(c.masters, m)
	c.byName[cfg.Name] = m
	c.index(m)
	c.register(m, c.newLink(now, true))
	c.touch(m)
	return m
}

// current is the address that clients should use (state-machine.md §3.1,
// Sending).
func (m *master) current() Addr {
	if m.attempt.Published() && m.promoted != nil {
		return m.promoted.addr
	}
	return m.addr
}
