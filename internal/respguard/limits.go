package respguard

import (
	"time"
)

// Limits bounds what clients may do. A zero field has the default that its
// comment states, except where zero is said to mean something else.
type Limits struct {
	// MaxClients is the number of connections served at once. Further ones get an
	// error line and are closed. Default 10000, as in Redis.
	MaxClients int
	// Room, if set, returns how many connections there is room for now, if that is
	// fewer. It must not block.
	Room func() int
	// MaxArgs is the number of arguments of one command. Default 65536. Redis
	// accepts 2^31-1, and allocates memory for them.
	MaxArgs int
	// MaxBulkBytes is the length of one argument in bytes. Default 1 MiB. Redis
	// accepts 512 MiB (proto-max-bulk-len).
	MaxBulkBytes int
	// MaxCommandBytes is the length of one command with its framing, in bytes.
	// Default 2 MiB. Redis bounds it only by its query buffer (1 GiB).
	MaxCommandBytes int
	// MaxInlineBytes is the length in bytes of an inline command and of a "*" or
	// "$" header line. Default 64 KiB, as in Redis.
	MaxInlineBytes int
	// LargeBytes is the size up to which a command is not charged against
	// TotalBytes. Default 16 KiB.
	LargeBytes int
	// TotalBytes is the memory that the large commands of all clients together
	// may take. A connection is charged for its largest command until it closes,
	// because the buffers for it stay that large. Default 64 MiB.
	TotalBytes int64
	// IdleTimeout closes a connection that sends nothing for that long, unless it
	// is exempt ([Conn.SetIdleExempt]). Zero means never, as in Redis.
	IdleTimeout time.Duration
	// PartialTimeout is the time in which a command must be complete once its
	// first byte was received. Default one minute. Redis waits without limit.
	PartialTimeout time.Duration
	// AuthRequired makes every connection start unauthenticated: commands of
	// more than 10 arguments or with an argument above 16384 bytes are refused
	// until [Conn.SetAuthenticated].
	AuthRequired bool
	// OnAcceptError, if set, is called after each failed accept with the pause
	// that follows. It must not block.
	OnAcceptError func(err error, pause time.Duration)
}

// What an unauthenticated client may send (wire.md §1.1, Parsing and limits).
const (
	unauthMaxArgs      = 10
	unauthMaxBulkBytes = 16384
)

// stockMaxBulkBytes is the default of proto-max-bulk-len. An unauthenticated
// client that exceeds it gets the error for that, not the one about
// authentication.
const stockMaxBulkBytes = 512 << 20

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxClients, 10000)
	setDefault(&l.MaxArgs, 1<<16)
	setDefault(&l.MaxBulkBytes, 1<<20)
	setDefault(&l.MaxCommandBytes, 2<<20)
	setDefault(&l.MaxInlineBytes, 64<<10)
	setDefault(&l.LargeBytes, 16<<10)
	setDefault(&l.TotalBytes, 64<<20)
	setDefault(&l.PartialTimeout, time.Minute)
	if l.Room == nil {
		l.Room = func() int { return l.MaxClients }
	}
	if l.OnAcceptError == nil {
		l.OnAcceptError = func(error, time.Duration) {}
	}
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}
