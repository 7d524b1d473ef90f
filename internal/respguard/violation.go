package respguard

import "fmt"

// Violation is the error that [Conn.Read] returns after a client broke a rule. By
// then the client has received its reply and the connection is closed.
type Violation struct {
	// Reply is the error line sent to the client, without "-" and CRLF. It is
	// empty if the connection was closed without a reply, as for HTTP.
	Reply string
}

// Error describes what the client did, for a log line.
func (v *Violation) Error() string {
	if v.Reply == "" {
		return "closed without a reply: the client speaks HTTP, not RESP"
	}
	return "closed after " + v.Reply
}

func protocolError(format string, args ...any) *Violation {
	return &Violation{Reply: "ERR Protocol error: " + fmt.Sprintf(format, args...)}
}

// errTotal is not the fault of this client alone, so its text asks to try again.
var errTotal = &Violation{Reply: "ERR Too many large commands at once, try again later"}

var errHTTP = &Violation{}
