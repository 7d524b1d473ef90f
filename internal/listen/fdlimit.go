package listen

import (
	"fmt"

	"github.com/gosentinel/sentinel/monitor"
)

// What a Sentinel needs descriptors for beside its connections to servers.
const (
	reservedFiles = 32 // log, files being saved, listening Sockets, scripts, epoll
	// With fewer clients than this, peers and operators could be locked out.
	fewestClients = 32
)

// linkFiles returns how many descriptors the links of a state need: two for the
// master and for each replica, one for each other Sentinel, which all masters
// share. A master without known replicas counts as one that has one, because it
// is of no use without.
func linkFiles(st *monitor.State) int {
	files := 0
	peers := map[monitor.RunID]bool{}
	for i := range st.Masters {
		m := &st.Masters[i]
		files += 2 + 2*max(1, len(m.Replicas))
		for _, p := range m.Sentinels {
			peers[p.ID] = true
		}
	}
	return files + len(peers)
}

// FitFiles makes sure that the limit of open files has room for everything that
// st wants watched, raises it as far as it needs to and may, and returns how many
// of maxClients are left. A Sentinel that ran out of descriptors would lose sight
// of masters and declare them down.
func FitFiles(st *monitor.State, maxClients int) (clients int, warnings []string, err error) {
	links := linkFiles(st)
	limit := raiseFileLimit(uint64(reservedFiles + links + maxClients))
	return fitClients(limit, links, len(st.Masters), maxClients)
}

// fitClients returns how many clients there may be under a limit of files.
func fitClients(limit uint64, links, masters, wanted int) (clients int, warnings []string, err error) {
	need := uint64(reservedFiles + links)
	if least := need + fewestClients; limit < least {
		return 0, nil, fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. Please increase your open file limit to at least %d. "+
			"(%d masters need %d connections; LimitNOFILE= of a systemd unit sets the limit too.)", limit, least, masters, links)
	}
	if limit-need >= uint64(wanted) {
		return wanted, nil, nil
	}
	clients = int(limit - need)
	return clients, []string{
		fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", wanted, need+uint64(wanted)),
		fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
			"If you need higher maxclients increase 'ulimit -n'.", limit, clients),
	}, nil
}
