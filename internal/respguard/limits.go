package respguard

import (
	"fmt"
	"time"
)

// Limits bounds what clients may do. A field that is zero takes the default
// named at it, except where zero is said to mean something else.
type Limits struct {
	// MaxClients is the number of connections served at once. More are told so
	// and closed. Default 10000, as in stock Redis.
	MaxClients int
	// MaxArgs is the number of arguments of one command. Default 65536; stock
	// Redis takes 2^31-1, and allocates for them.
	MaxArgs int
	// MaxBulkBytes is the length of one argument. Default 1 MiB; stock Redis
	// takes 512 MiB (proto-max-bulk-len).
	MaxBulkBytes int
	// MaxCommandBytes is the length of one command with its framing. Default
	// 2 MiB; stock Redis bounds it by its query buffer only (1 GiB).
	MaxCommandBytes int
	// MaxInlineBytes is the length of an inline command and of a "*" or "$"
	// header line. Default 64 KiB, as in stock Redis.
	MaxInlineBytes int
	// LargeBytes is the size up to which a command costs nothing of TotalBytes.
	// Default 16 KiB.
	LargeBytes int
	// TotalBytes is the memory that the large commands of all clients together
	// may take. A connection is charged for the largest command that it ever
	// sent until it closes, because the buffers behind it stay that large.
	// Default 64 MiB.
	TotalBytes int64
	// IdleTimeout closes a connection that sends nothing for that long, unless
	// it is exempt ([Conn.SetIdleExempt]). Zero means never, as in stock Redis.
	IdleTimeout time.Duration
	// PartialTimeout is the time in which a command that was begun must be
	// complete. Default one minute; stock Redis waits for ever.
	PartialTimeout time.Duration
	// AuthRequired makes every connection start unauthenticated: commands of
	// more than 10 arguments or with an argument above 16384 bytes are refused
	// until [Conn.SetAuthenticated].
	AuthRequired bool
	// OnAcceptError, when set, hears of each failed accept and of the pause
	// that follows it. It must not block.
	OnAcceptError func(err error, pause time.Duration)
}

// What an unauthenticated client may send (wire.md §1.1).
const (
	unauthMaxArgs      = 10
	unauthMaxBulkBytes = 16384
)

// stockMaxBulkBytes is the default of proto-max-bulk-len. A stranger who exceeds
// it is told that, and not that he has to log in first.
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

// Violation is the error that [Conn.Read] returns after a client broke a rule.
// By then the client has got its reply and the connection is closed.
type Violation struct {
	// Reply is the error line that the client got, without "-" and CRLF. It is
	// empty when the connection was closed without a word, as for HTTP.
	Reply string
}

// Error says what the client did, for a log line.
func (v *Violation) Error() string {
	if v.Reply == "" {
		return "closed without a reply: the client speaks HTTP, not RESP"
	}
	return "closed after " + v.Reply
}

func protocolError(format string, args ...any) *Violation {
	return &Violation{Reply: "ERR Protocol error: " + fmt.Sprintf(format, args...)}
}

// errTotal is not a fault of the one client, so its text asks to come again.
var errTotal = &Violation{Reply: "ERR Too many large commands at once, try again later"}

var errHTTP = &Violation{}
