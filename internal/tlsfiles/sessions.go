package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"time"
)

// sessionMark precedes the time of issue that limitSessions adds to a session
// ticket.
const sessionMark = "gosentinel issued "

// limitSessions limits the time in which sessions can be resumed to
// tls-session-cache-timeout, counted from the last connection that used the
// session. The standard library uses a week. The number of sessions
// (tls-session-cache-size) needs no limit: clients store them, in tickets.
func limitSessions(cfg *tls.Config, lifetime time.Duration) {
	if lifetime <= 0 {
		return
	}
	cfg.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		mark := binary.BigEndian.AppendUint64([]byte(sessionMark), uint64(time.Now().Unix()))
		ss.Extra = append(ss.Extra, mark)
		return cfg.EncryptTicket(cs, ss)
	}
	cfg.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := cfg.DecryptTicket(ticket, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		if issued, ok := issuedAt(ss.Extra); !ok || time.Since(issued) > lifetime {
			return nil, nil // causes a full handshake, which verifies the client again
		}
		return ss, nil
	}
}

// issuedAt returns the time of issue in a session ticket.
func issuedAt(extra [][]byte) (time.Time, bool) {
	for _, e := range extra {
		if stamp, ok := bytes.CutPrefix(e, []byte(sessionMark)); ok && len(stamp) == 8 {
			return time.Unix(int64(binary.BigEndian.Uint64(stamp)), 0), true
		}
	}
	return time.Time{}, false
}
