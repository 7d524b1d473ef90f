package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gosentinel/sentinel/monitor"
)

// maxSaid is how much of a foreign protocol is looked at.
const maxSaid = 16

// handshakeError is a TLS handshake that failed.
type handshakeError struct{ err error }

func (e handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e handshakeError) Unwrap() error { return e.err }

// sourceError is an address that cannot be reached from bind-source-addr.
type sourceError struct{ text string }

func (e sourceError) Error() string { return e.text }

// explain says why a connection ended, and whether the core has to know: that is
// when it never worked and nothing was told yet, or when the other side breaks
// the protocol. reason is its end in short, and own that this side ended it.
func (c *conn) explain(err error, reason string, own bool) (cause monitor.Cause, text string, tell bool) {
	var broken *protocolError
	isBroken := !own && errors.As(err, &broken)
	if c.in.told && !isBroken || c.in.answered && !isBroken {
		return 0, "", false
	}
	todo := ""
	switch {
	case own:
	case isBroken:
		cause, todo = stranger(c.in.said)
	default:
		cause, todo = causeOf(err, c.pool.cfg.TLS != nil)
	}
	text = reason
	if todo != "" {
		text += " (" + todo + ")"
	}
	return cause, text, true
}

// causeOf finds out what an error means, and what to do about it.
func causeOf(err error, secured bool) (cause monitor.Cause, todo string) {
	var source sourceError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var handshake handshakeError
	switch {
	case errors.As(err, &certificate):
		return monitor.CauseCertificate, "tls-ca-cert-file or tls-ca-cert-dir must hold the authority that issued its certificate"
	case errors.As(err, &record):
		return plainServer(record.RecordHeader[:])
	case strings.Contains(err.Error(), "remote error: tls: "):
		return refusedByTLS(err.Error())
	case errors.As(err, &handshake):
		return monitor.CauseTLS, "does it use TLS on this port? If not, set tls-replication no or its TLS port"
	case errors.Is(err, syscall.ECONNREFUSED):
		return monitor.CauseRefused, "is the server running, and does it listen on this address and port?"
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN):
		return monitor.CauseUnreachable, "is there a route from here to this address?"
	case errors.As(err, &source):
		return monitor.CauseSource, "set bind-source-addr to an address of this machine and of the server's family, or leave it out"
	case isAny(err, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT):
		return monitor.CauseSource, "is bind-source-addr an address of this machine, and of a family that it uses?"
	case isAny(err, syscall.EACCES, syscall.EPERM):
		return monitor.CauseUnreachable, "a rule of this machine forbids it: is there a firewall or a sandbox?"
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded):
		return monitor.CauseSilent, "is the host down, or does a firewall drop what is sent there?"
	case errors.As(err, new(*net.DNSError)):
		return monitor.CauseName, "does the name resolve on this machine?"
	case errors.Is(err, io.EOF), isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED):
		if secured {
			return monitor.CauseClosed, "it ends connections before it answers"
		}
		return monitor.CauseTLS, "it ends connections before it answers, as a server does that expects TLS: then set tls-replication yes"
	}
	return monitor.CauseOther, ""
}

// lossOf says how a connection ended that was up, or did not come up. One that was ended
// by a write of this side that failed ends when it is read, with the reason of the other
// side.
func lossOf(err error, wasUp bool) monitor.Loss {
	var several joinedErrors
	switch {
	case !wasUp && errors.As(err, &several): // a name with several addresses: all must refuse
		if first := lossOf(several[0], false); first == lossOf(several[1], false) {
			return first
		}
	case !wasUp && errors.Is(err, syscall.ECONNREFUSED):
		return monitor.LossRefused
	case !wasUp:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the second one by TLS
		return monitor.LossEnded
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED):
		return monitor.LossReset
	}
	return monitor.LossOther
}

func isAny(err error, those ...syscall.Errno) bool {
	for _, e := range those {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// refusedByTLS explains an alert of the other side.
func refusedByTLS(text string) (monitor.Cause, string) {
	switch {
	case strings.Contains(text, "certificate"), strings.Contains(text, "handshake failure"):
		return monitor.CauseCertificate, "it wants a certificate that it trusts: set tls-cert-file and tls-key-file, or tls-auth-clients no there"
	case strings.Contains(text, "protocol version"):
		return monitor.CauseTLS, "set tls-protocols to what it speaks"
	}
	return monitor.CauseTLS, ""
}

// plainServer explains an answer to a TLS handshake that is none.
func plainServer(said []byte) (monitor.Cause, string) {
	if cause, todo := stranger(said); !bytes.HasPrefix(said, []byte("-")) && todo != "" {
		return cause, todo
	}
	return monitor.CauseTLS, "it does not use TLS on this port: set tls-replication no, or its TLS port"
}

// stranger explains what begins in another way than a reply of a Redis server.
func stranger(said []byte) (monitor.Cause, string) {
	switch {
	case bytes.HasPrefix(said, []byte("HTTP/")):
		return monitor.CauseStranger, "this is an HTTP server: check address and port"
	case bytes.HasPrefix(said, []byte("SSH-")):
		return monitor.CauseStranger, "this is an SSH server: check address and port"
	case len(said) > 1 && said[0] >= 20 && said[0] <= 23 && said[1] == 3: // a TLS record
		return monitor.CauseTLS, "it expects TLS on this port: set tls-replication yes"
	}
	return monitor.CauseStranger, "is this a Redis server? Check address and port"
}

// checkSource reports an address that cannot be reached from a source address,
// because it is of the other family.
func checkSource(source netip.Addr, addr string) error {
	to, err := netip.ParseAddrPort(addr)
	if err != nil || to.Addr().Unmap().Is4() == source.Unmap().Is4() {
		return nil
	}
	return sourceError{"bind-source-addr " + source.String() + " and " + to.Addr().String() + " are of different families"}
}

func badSource(source string) error {
	return sourceError{"bind-source-addr " + strconv.Quote(source) + " is not an IP address"}
}
