package numhost

import (
	"net/netip"
	"strconv"
	"strings"
)

// Parse returns the canonical text of a numeric address. It reports false when
// host is not one.
func Parse(host string) (string, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String(), true
	}
	return legacyIPv4(host)
}

// legacyIPv4 reads a.b.c.d, a.b.c, a.b and a, each part decimal, octal or
// hexadecimal; the last part fills the remaining bytes.
func legacyIPv4(host string) (string, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return "", false
	}
	var sum uint64
	for i, part := range parts {
		n, ok := parsePart(part)
		last := i == len(parts)-1
		if !ok || !last && n > 255 || last && n >= 1<<(8*(4-i)) {
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

// parsePart parses 10, 012 and 0xa, but not Go's other number syntax.
func parsePart(part string) (uint64, bool) {
	if part == "" || part[0] < '0' || part[0] > '9' || strings.ContainsAny(part, "_oObBpP") && !isHex(part) {
		return 0, false
	}
	n, err := strconv.ParseUint(part, 0, 32)
	return n, err == nil && !strings.Contains(part, "_")
}

func isHex(part string) bool { return strings.HasPrefix(part, "0x") || strings.HasPrefix(part, "0X") }
