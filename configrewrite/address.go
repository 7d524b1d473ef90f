package configrewrite

import (
	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/monitor"
)

// literalIP returns the canonical text of a numeric address.
func literalIP(host string) (string, bool) { return numhost.Parse(host) }

// addrText returns the host to write for an address. A host name is kept as
// long as names may be loaded back, whatever it resolves to now: a file that
// holds the address of the day loses what the operator asked for. Where names
// are not allowed the IP is written, or no version could load the file.
func addrText(a monitor.Addr, resolve bool) string {
	if resolve && a.Host != "" || a.IP == "" {
		return a.Host
	}
	return a.IP
}
