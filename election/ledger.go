package election

// Ledger is what a Sentinel remembers of its votes about one master: the last
// epoch it voted in and, until a restart or reset, for whom. The zero value has
// never voted.
type Ledger struct {
	Epoch Epoch
	For   RunID // "" when none was given, or when it is no longer known
}

// Ballot is the outcome of [Ledger.Vote].
type Ballot struct {
	EpochRaised bool // the voter's current epoch grew to the requested one
	Granted     bool // the vote was given now, by this very request
}

// Vote applies the rule of state-machine.md §5.1, Vote rule, to a request at
// epoch req by candidate. cur is the voter's current epoch, which the request
// may raise. After the call the ledger holds the vote that counts, given now or
// earlier.
//
// The caller must make ledger and epoch durable before it answers. Without
// that, a voter that crashes and restarts votes a second time in the same
// epoch, and two candidates reach a majority.
func (l *Ledger) Vote(cur *Epoch, req Epoch, candidate RunID) Ballot {
	var b Ballot
	if req > *cur {
		*cur = req
		b.EpochRaised = true
	}
	if l.Epoch < req && *cur <= req {
		l.Epoch, l.For = req, candidate
		b.Granted = true
	}
	return b
}

// Forget drops the name of the candidate but keeps the epoch, so that no second
// vote is given in it.
func (l *Ledger) Forget() { l.For = "" }
