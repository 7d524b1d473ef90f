package acl

// Reason says why a request was refused. Its text is that of ACL LOG.
type Reason uint8

const (
	NotDenied Reason = iota
	DeniedCommand
	DeniedChannel
	DeniedAuth
)

// String returns the reason as ACL LOG shows it, and "none" for NotDenied.
func (r Reason) String() string {
	return [...]string{"none", "command", "channel", "auth"}[r]
}

// A Denial is the result of a check. The zero value means permitted.
type Denial struct {
	Reason Reason
	Object string // the full name of the command, or the channel as it was sent
	User   string
}

// Denied reports whether the request was refused.
func (d Denial) Denied() bool { return d.Reason != NotDenied }

// Error returns the error reply to the refused command, starting with its code
// NOPERM.
func (d Denial) Error() string {
	if d.Reason == DeniedChannel {
		return "NOPERM No permissions to access a channel" // without the name, which may hold anything, even line ends
	}
	return "NOPERM " + d.DryRun()
}

// DryRun returns the reply to ACL DRYRUN. It must be sent as a bulk string, since
// a channel in it may hold any bytes.
func (d Denial) DryRun() string {
	switch d.Reason {
	case NotDenied:
		return "OK"
	case DeniedChannel:
		return "User " + d.User + " has no permissions to access the '" + d.Object + "' channel"
	default:
		return "User " + d.User + " has no permissions to run the '" + d.Object + "' command"
	}
}

// Check decides whether u may run a command, given by its full name in the table
// and by all words of the request. It takes no lock. A command that is not in the
// table is refused. To a deleted user everything is refused except commands that
// need no authentication.
func (l *List) Check(u *User, command string, words [][]byte) Denial {
	cmd, known := l.table.lookup(command)
	switch {
	case !known:
		return Denial{Reason: DeniedCommand, Object: command, User: u.name}
	case l.table.commands[cmd].NoAuth:
		return Denial{}
	case u.Deleted():
		return Denial{Reason: DeniedCommand, Object: l.table.commands[cmd].Name, User: u.name}
	}
	return l.judge(u, cmd, words)
}

// judge returns the refusal of the selector that got furthest. If any selector
// allows the command, the channel is the reason, and the last refused channel is
// named.
func (l *List) judge(u *User, cmd int, words [][]byte) Denial {
	c := &l.table.commands[cmd]
	reason, at := DeniedCommand, 0
	for s := range u.rules.Load().selectors {
		if !s.allowsCommand(cmd, words) {
			continue
		}
		i := s.refusedChannel(c.Channels, words)
		if i == 0 {
			return Denial{}
		}
		reason, at = DeniedChannel, max(at, i)
	}
	if reason == DeniedChannel {
		return Denial{Reason: reason, Object: string(words[at]), User: u.name}
	}
	return Denial{Reason: reason, Object: c.Name, User: u.name}
}

// refusedChannel returns the index of the first word that is a channel which s
// does not allow, or 0 if there is none.
func (s *selector) refusedChannel(use ChannelUse, words [][]byte) int {
	if use == NoChannels {
		return 0
	}
	end := len(words)
	if use == OneChannel {
		end = min(end, 2)
	}
	for i := 1; i < end; i++ {
		if !s.allowsChannel(string(words[i]), use == ChannelPatterns) {
			return i
		}
	}
	return 0
}
