package monitor

// Flags is the set of flags of an instance (state-machine.md §1.9, Flags).
type Flags uint32

// The flags in the order in which they are shown.
const (
	FlagSDown Flags = 1 << iota
	FlagODown
	FlagMaster
	FlagReplica
	FlagSentinel
	FlagDisconnected
	FlagMasterDown
	FlagFailoverInProgress
	FlagPromoted
	FlagReconfSent
	FlagReconfInProg
	FlagReconfDone
	FlagForceFailover
	FlagScriptKillSent
	FlagMasterReboot
)

var flagNames = []string{
	"s_down", "o_down", "master", "slave", "sentinel", "disconnected", "master_down",
	"failover_in_progress", "promoted", "reconf_sent", "reconf_inprog", "reconf_done",
	"force_failover", "script_kill_sent", "master_reboot",
}

// Has reports whether all flags of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// String returns the comma list of wire.md §4, Instance maps.
func (f Flags) String() string {
	var b []byte
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = append(b, name...)
		}
	}
	return string(b)
}
