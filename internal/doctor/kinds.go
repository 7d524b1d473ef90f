package doctor

// Level is how bad a finding is.
type Level string

// Levels, and the exit status that each of them gives.
const (
	Danger  Level = "danger"  // a failover will not come about, or will go wrong
	Warning Level = "warning" // it works today, and something that may happen any time ends that
	Note    Level = "note"    // good to know; it may be meant so
)

// Kind is a kind of finding.
type Kind struct {
	Name  string
	Level Level // of most findings of the kind
	About string
}

// Kinds returns all kinds, most dangerous first.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

var kinds = []Kind{
	{"file-mistake", Danger, "The configuration file has a mistake: the Sentinel does not start."},
	{"file-not-writable", Danger, "The state cannot be saved: the Sentinel does not start."},
	{"same-id", Danger, "Two Sentinels have one id, and count as one."},
	{"masters-differ", Danger, "Sentinels name different servers as the master of a group."},
	{"master-down", Danger, "A Sentinel cannot reach the master."},
	{"quorum-too-large", Danger, "The quorum is larger than the number of Sentinels: no failover can begin."},
	{"no-quorum", Danger, "Too few Sentinels can be reached to decide a failover."},
	{"announced-address", Danger, "A Sentinel or server announces an address at which others do not find it."},
	{"sentinels-apart", Danger, "A Sentinel does not know another one of its group, or does not reach it."},
	{"no-sentinels", Danger, "No Sentinel watches the servers."},
	{"not-monitored", Danger, "A Sentinel monitors no master, or not the one that was asked for."},
	{"no-replicas", Danger, "The master has no replica that could take its place."},
	{"no-candidate", Danger, "No replica may be promoted."},
	{"replica-of-another", Danger, "A server has another master than the Sentinels think, or none."},
	{"login-refused", Danger, "A server refuses the login of the Sentinels."},
	{"rights-missing", Danger, "The user of the Sentinels lacks a right without which a server cannot be promoted."},
	{"command-renamed", Danger, "A command that Sentinels need has another name, or none."},
	{"masterauth-differs", Danger, "A server does not have the password of another one whose replica it may become."},
	{"protected-mode", Danger, "A server or Sentinel takes nobody from another machine."},
	{"tls-differs", Danger, "One side speaks TLS and the other does not."},
	{"link-error", Danger, "A Sentinel says that something goes wrong on its connection to somebody."},
	{"down-after-short", Warning, "down-after-milliseconds is so short that a late answer counts as a failure."},
	{"failover-timeout-short", Warning, "failover-timeout is too short for a failover to come to its end."},
	{"sentinel-not-asked", Warning, "A Sentinel could not be asked."},
	{"server-not-asked", Warning, "A server could not be asked."},
	{"stranger", Danger, "At an address that was given there is something else, or nobody."},
	{"dead-sentinel", Warning, "A Sentinel that is gone still counts for the majority."},
	{"few-sentinels", Warning, "There are fewer than three Sentinels."},
	{"even-sentinels", Warning, "The number of Sentinels is even: one of them adds no safety."},
	{"quorum-one", Warning, "One Sentinel alone may call the master down."},
	{"settings-differ", Warning, "Sentinels have different settings for one master."},
	{"replica-down", Warning, "A replica cannot be reached by a Sentinel."},
	{"replica-link-down", Warning, "A replica has no connection to its master."},
	{"replicas-unknown", Warning, "A server has a replica that the Sentinels do not know."},
	{"rights-reduced", Warning, "The user of the Sentinels lacks a right, and a failover does less than it should."},
	{"parallel-syncs-high", Warning, "After a failover all replicas load their data at the same time."},
	{"open-to-all", Warning, "Clients of other machines need no password. Where only private networks reach it, a note."},
	{"file-in-place", Warning, "The file cannot be replaced, as with one that is mounted by itself: it is written in place."},
	{"tilt", Warning, "A Sentinel is in TILT: it decides nothing."},
	{"clocks-apart", Warning, "Clocks of machines differ."},
	{"server-versions-differ", Warning, "A replica is of an older release than its master, or the other way round."},
	{"file-warning", Note, "Something in the file was tolerated."},
	{"failover-under-way", Note, "A failover is under way: look again when it is over."},
	{"failover-paused", Note, "Failovers are paused by an operator."},
	{"min-replicas-unset", Note, "A master that is cut off goes on taking writes that will be lost."},
	{"no-config-file", Note, "A server has no configuration file, and starts again with its old role."},
	{"old-server", Note, "A server is too old for some of what a failover can do."},
	{"versions-differ", Note, "Sentinels of several releases share a group."},
}

// rank is the place of a kind.
var rank = func() map[string]int {
	m := map[string]int{}
	for k, kind := range kinds {
		m[kind.Name] = k
	}
	return m
}()
