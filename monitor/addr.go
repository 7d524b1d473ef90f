package monitor

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/numhost"
)

// Addr is the address of an instance: the host as given, the resolved IP in
// canonical text form, and the port.
//
// IP is empty while a host name is unresolved. For a literal address Host and
// IP are the same text. Port 0 means "known but never connected".
type Addr struct {
	Host string
	IP   string
	Port int
}

// IPAddr returns the Addr of a literal IP, in any form that released Sentinels
// accept: the file reads all of them, so that one which was taken for a host name
// here would be another address after a restart. It reports false when host is
// not an IP literal.
func IPAddr(host string, port int) (Addr, bool) {
	text, literal := numhost.Parse(host)
	if !literal {
		return Addr{}, false
	}
	return Addr{Host: text, IP: text, Port: port}, true
}

// Same reports whether two addresses denote the same endpoint: equal port and
// equal resolved IP or equal host string, without regard to case
// (state-machine.md §1.8, Address comparison).
func (a Addr) Same(b Addr) bool {
	return a.Port == b.Port && a.SameHost(b)
}

// SameHost is [Addr.Same] without the port.
func (a Addr) SameHost(b Addr) bool {
	return (a.IP != "" && a.IP == b.IP) || (a.Host != "" && strings.EqualFold(a.Host, b.Host))
}

// Shown returns the host text to publish: the name as given when names are
// announced, else the IP. It falls back to the name while that is unresolved:
// an empty address is of no use, and a file that holds one cannot be loaded.
func (a Addr) Shown(announceHostnames bool) string {
	if announceHostnames || a.IP == "" {
		return a.Host
	}
	return a.IP
}

// DialTarget returns the host to connect to: the resolved IP if there is one.
func (a Addr) DialTarget() string {
	if a.IP != "" {
		return a.IP
	}
	return a.Host
}
