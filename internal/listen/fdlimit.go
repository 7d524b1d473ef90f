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

// FitFiles raises the limit of open files, as far as needed and permitted, so
// that it has room for everything that st monitors. It returns how many of
// maxClients still fit, with warnings if that is fewer, or an error if there is
// not enough room even without clients. A Sentinel that ran out of descriptors
// would lose sight of masters and declare them down.
func FitFiles(st *monitor.State, maxClients int) (clients int, warnings []string, err error) {
	links := linkFiles(st)
	limit := raiseFileLimit(uint64(reservedFiles + links + maxClients))
	return fitClients(limit, links, len(st.Masters), maxClients)
}

// fitClients returns how many clients there may be under a limit of open files.
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
