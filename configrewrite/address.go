package configrewrite

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// literalIP returns the canonical text of a numeric address. Besides the usual
// forms it knows the old ones with fewer than four parts, which released
// Sentinels accept, since some file may hold one.
func literalIP(host string) (string, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String(), true
	}
	return legacyIPv4(host)
}

// legacyIPv4 reads a.b.c, a.b and a, each part decimal, octal or hexadecimal;
// the last part fills the remaining bytes.
func legacyIPv4(host string) (string, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return "", false
	}
	var sum uint64
	for i, part := range parts {
		if part == "" || part[0] < '0' || part[0] > '9' {
			return "", false
		}
		n, err := strconv.ParseUint(part, 0, 32)
		last := i == len(parts)-1
		if err != nil || strings.ContainsAny(part, "_oOpP") || strings.HasPrefix(strings.ToLower(part), "0b") || !last && n > 255 || last && n >= 1<<(8*(4-i)) {
			return "", false
		}
		if last {
			sum |= n
		} else {
			sum |= n << (24 - 8*i)
		}
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}).String(), true
}

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

// hostNameError says why a text cannot be a host name, or returns "".
func hostNameError(host string) string {
	switch {
	case host == "":
		return "the address is empty"
	case len(host) > 255:
		return "a host name has at most 255 bytes"
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c == 0x7f || c == '"' || c == '\'' || c == ',' {
			return "a host name cannot contain white space, quotes, commas or control characters"
		}
	}
	return ""
}
