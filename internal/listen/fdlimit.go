package listen

import (
	"fmt"

	"github.com/gosentinel/sentinel/monitor"
)

// What a Sentinel needs file descriptors for, apart from its links.
const (
	reservedFiles = 32 // log, files being saved, listening sockets, scripts, epoll
	// With fewer clients than this, other Sentinels and operators could be locked
	// out.
	fewestClients = 32
)

// linkFiles returns how many descriptors the links of a state need: two for each
// master and each replica, and one for each other Sentinel, which all masters
// share. A master without known replicas counts as having one: monitoring it only
// makes sense if a replica will appear.
func linkFiles(st *monitor.State) int {
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
}

// FitFiles raises the limit of open files, as far as needed and permitted, so
// that it has room for everything that st monitors and for maxClients. The error says
// that there is not enough room even without clients. A Sentinel that ran out of
// descriptors would lose sight of masters and declare them down.
func FitFiles(st *monitor.State, maxClients int) (Files, error) {
	links := linkFiles(st)
	limit := raiseFileLimit(uint64(reservedFiles + links + maxClients))
	return fitClients(limit, links, len(st.Masters), maxClients)
}

// fitClients is FitFiles under a limit that is what it is.
func fitClients(limit uint64, links, masters, wanted int) (Files, error) {
	need := uint64(reservedFiles + links)
	if least := need + fewestClients; limit < least {
		return Files{}, fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. Please increase your open file limit to at least %d. "+
			"(%d masters need %d connections; LimitNOFILE= of a systemd unit sets the limit too.)", limit, least, masters, links)
	}
	f := Files{Clients: int(min(uint64(wanted), limit-need))}
	f.Need = fmt.Sprintf("File descriptors: %d for the links of %d masters, %d for %d clients at most and %d for other things, of %d.",
		links, masters, f.Clients, f.Clients, reservedFiles, limit)
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
