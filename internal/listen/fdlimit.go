package listen

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// What a Sentinel needs file descriptors for, apart from its links.
const (
	reservedFiles = 32 // log, files being saved, listening sockets, scripts, epoll
	// With fewer clients than this, other Sentinels and operators could be locked
	// out.
	fewestClients = 32
)

// LinkFiles returns how many descriptors the links of a state need: two for each
// master and each replica, and one for each other Sentinel, which all masters
// share. A master without known replicas counts as having one: monitoring it only
// makes sense if a replica will appear.
func LinkFiles(st *monitor.State) int {
	files := 0
	peers := map[monitor.RunID]bool{}
	for i := range st.Masters {
		m := st.Masters[i]
		files += 2 + 2*max(1, len(m.Replicas))
		for _, p := range m.Sentinels {
			peers[p.ID] = true
		}
	}
	return files + len(peers)
}

// Files says what the limit of open files has room for.
type Files struct {
	Clients  int      // how many may be connected
	Need     string   // what the descriptors are for, as a line of the log
	Warnings []string // if there may be fewer clients than was asked for
	Limit    int      // of open files
}

// FitFiles raises the limit of open files, as far as needed and permitted, so
// that it has room for everything that st monitors and for maxClients. The error says
// that there is not enough room even without clients. A Sentinel that ran out of
// descriptors would lose sight of masters and declare them down.
func FitFiles(st *monitor.State, maxClients, others int) (Files, error) {
	links := LinkFiles(st)
	others += reservedFiles
	limit := raiseFileLimit(uint64(others + links + maxClients))
	return fitClients(limit, links, len(st.Masters), maxClients, others)
}

// fitClients is FitFiles under a limit that is what it is.
func fitClients(limit uint64, links, masters, wanted, others int) (Files, error) {
	need := uint64(others + links)
	if least := need + fewestClients; limit < least {
		return Files{}, fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. Please increase your open file limit to at least %d. "+
			"(%d masters need %d connections; LimitNOFILE= of a systemd unit sets the limit too.)", limit, least, masters, links)
	}
	f := Files{Clients: int(min(uint64(wanted), limit-need)), Limit: int(min(limit, math.MaxInt32))}
	f.Need = fmt.Sprintf("File descriptors: %d for the links of %d masters, %d for %d clients at most and %d for other things, of %d.",
		links, masters, f.Clients, f.Clients, others, limit)
	if f.Clients == wanted {
		return f, nil
	}
	f.Warnings = []string{
		fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", wanted, need+uint64(wanted)),
		fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
			"If you need higher maxclients increase 'ulimit -n'.", limit, f.Clients),
	}
	return f, nil
}

// Room shares the descriptors that the limit leaves between links and clients while the
// process runs, since masters and replicas may become more than there were at the start.
// What the links need is taken from what clients may have, down to the fewest, as it
// would be at the next start. Beyond that there are no more links: the log, and the file
// on which votes depend, need descriptors too.
//
// The zero value has room for everything.
type Room struct {
	Limit   int // of open files; 0: none is known
	Clients int // that were promised at the start
	Others  int // descriptors for what is neither, beside the log and the like
	// Warn takes lines for the log, and must not block.
	Warn func(string)

	// When a line may be written again, if it is still true.
	tellLinks, tellClients time.Time
}

// tellAgain is how often a line about missing descriptors is written at most.
const tellAgain = time.Minute

// errNoRoom is why a link is not opened.
var errNoRoom = errors.New("the limit of open files has no room for it: increase 'ulimit -n'")

// Link returns an error if there is no room for so many links. need returns how many
// all would take; it is called when that is to be said. Only one goroutine may call
// Link.
func (r *Room) Link(links int, need func() int) error {
	switch {
	case r.Limit == 0:
		return nil
	case links > r.Limit-r.reserved()-fewestClients:
		r.warn(&r.tellLinks, "some masters and replicas cannot be connected to", fewestClients, need)
		return errNoRoom
	case links > r.Limit-r.reserved()-r.Clients:
		r.warn(&r.tellClients, fmt.Sprintf("there is no room for %d clients", r.Clients), r.Clients, need)
	}
	return nil
}

func (r *Room) warn(again *time.Time, what string, clients int, need func() int) {
	now := time.Now()
	if now.Before(*again) {
		return
	}
	*again = now.Add(tellAgain)
	r.Warn(fmt.Sprintf("More is monitored now than at the start, and the limit of open files ('ulimit -n') is %d: %s. "+
		"Increase it to at least %d and restart. (LimitNOFILE= of a systemd unit sets it too.)", r.Limit, what, r.reserved()+clients+need()))
}

// MaxClients returns how many clients there is room for beside so many links. Any
// goroutine may call it.
func (r *Room) MaxClients(links int) int {
	if r.Limit == 0 {
		return math.MaxInt
	}
	return max(fewestClients, r.Limit-r.reserved()-links)
}

func (r *Room) reserved() int { return reservedFiles + r.Others }
