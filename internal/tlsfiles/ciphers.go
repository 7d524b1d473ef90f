package tlsfiles

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS 1.2 and before, with the words by which
// OpenSSL's cipher lists select it. Suites with RC4 and 3DES, which the standard
// library also has, are left out on purpose: no list can enable them.
type suite struct {
	id    uint16
	name  string // in OpenSSL
	words string
}

const (
	byECDSA = "ECDHE EECDH kECDHE kEECDH ECDSA aECDSA "
	byRSA   = "ECDHE EECDH kECDHE kEECDH aRSA "
	onlyRSA = "RSA kRSA aRSA "
)

var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", byECDSA + "AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", byRSA + "AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", byECDSA + "AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", byRSA + "AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", byECDSA + "CHACHA20 TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", byRSA + "CHACHA20 TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", byECDSA + "AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", byRSA + "AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", byECDSA + "AES AES128 SHA SHA1 TLSv1 TLSv1.0"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", byRSA + "AES AES128 SHA SHA1 TLSv1 TLSv1.0"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", byECDSA + "AES AES256 SHA SHA1 TLSv1 TLSv1.0"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", byRSA + "AES AES256 SHA SHA1 TLSv1 TLSv1.0"},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", onlyRSA + "AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", onlyRSA + "AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", onlyRSA + "AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", onlyRSA + "AES AES128 SHA SHA1 SSLv3"},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", onlyRSA + "AES AES256 SHA SHA1 SSLv3"},
}

// emptyWords are the words of OpenSSL's lists that select none of the suites
// above. They are known, so "HIGH:!aNULL:!MD5" causes no warning.
var emptyWords = strings.Fields(`
	COMPLEMENTOFDEFAULT COMPLEMENTOFALL LOW MEDIUM EXPORT EXP eNULL NULL aNULL
	DH DHE EDH kDHE kEDH kDH kDHr kDHd ADH AECDH ECDH kECDH kECDHe kECDHr aECDH aDH aDSS DSS
	PSK kPSK aPSK kRSAPSK kECDHEPSK kDHEPSK SRP kSRP aSRP aGOST aGOST01 kGOST GOST94 GOST89MAC
	AESCCM AESCCM8 ARIA ARIA128 ARIA256 ARIAGCM CAMELLIA CAMELLIA128 CAMELLIA256
	3DES DES RC4 RC2 IDEA SEED MD5 SHA384 SSLv2`)

func (s *suite) has(word string) bool {
	switch word {
	case "ALL", "DEFAULT", "HIGH", s.name, tls.CipherSuiteName(s.id):
		return true
	}
	return slices.Contains(strings.Fields(s.words), word)
}

// parseCiphers evaluates an OpenSSL cipher list (tls-ciphers, for TLS 1.2 and
// before) over the suites that exist here. Words that it does not know select
// nothing, as in OpenSSL, but cause a warning. A list that leaves no suite is an
// error.
func parseCiphers(list string) (ids []uint16, warnings []string, err error) {
	on := make([]bool, len(suites))
	dead := make([]bool, len(suites)) // removed by "!", which nothing undoes
	var unknown []string
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(":;, ", r) }) {
		if strings.HasPrefix(item, "@") {
			warnings = append(warnings, fmt.Sprintf("tls-ciphers: %s cannot be honoured: the order of the suites and the "+
				"lengths of keys are those of Go", item))
			continue
		}
		expr := strings.TrimLeft(item, "!-+")
		matched, known := matchSuites(expr)
		if !known {
			unknown = append(unknown, expr)
		}
		for _, i := range matched {
			switch item[0] {
			case '!':
				on[i], dead[i] = false, true
			case '-':
				on[i] = false
			case '+': // only changes the order
			default:
				on[i] = !dead[i]
			}
		}
	}
	for i := range suites {
		if on[i] {
			ids = append(ids, suites[i].id)
		}
	}
	if len(unknown) > 0 {
		warnings = append(warnings, "tls-ciphers: not available here, and left out: "+strings.Join(unknown, ", "))
	}
	if len(ids) == 0 {
		return nil, warnings, errors.New("tls-ciphers leaves no cipher; available are " + suiteNames())
	}
	return ids, warnings, nil
}

// matchSuites returns the suites that all words of "A+B" select.
func matchSuites(expr string) (matched []int, known bool) {
	words := strings.Split(expr, "+")
	known = true
	for _, w := range words {
		isSuite := slices.ContainsFunc(suites, func(s suite) bool { return s.has(w) })
		known = known && (isSuite || slices.Contains(emptyWords, w))
	}
	for i := range suites {
		if !slices.ContainsFunc(words, func(w string) bool { return !suites[i].has(w) }) {
			matched = append(matched, i)
		}
	}
	return matched, known
}

func suiteNames() string {
	names := make([]string, len(suites))
	for i, s := range suites {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

var suites13 = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}

// checkSuites13 compares tls-ciphersuites with the suites of TLS 1.3, which Go
// does not allow to choose from, and returns the differences as warnings.
func checkSuites13(list string) (warnings []string) {
	asked := strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ' ' })
	if len(asked) == 0 {
		return nil
	}
	missing := slices.DeleteFunc(slices.Clone(suites13), func(s string) bool { return slices.Contains(asked, s) })
	unknown := slices.DeleteFunc(asked, func(s string) bool { return slices.Contains(suites13, s) })
	if len(missing) > 0 {
		warnings = append(warnings, "tls-ciphersuites cannot be honoured: TLS 1.3 also allows "+strings.Join(missing, ", ")+
			" here. To forbid them, restrict tls-protocols to TLSv1.2 and use tls-ciphers")
	}
	if len(unknown) > 0 {
		warnings = append(warnings, "tls-ciphersuites: not available here, and left out: "+strings.Join(unknown, ", "))
	}
	return warnings
}

var errProtocols = errors.New("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.")

// parseProtocols returns the lowest and the highest version of tls-protocols.
func parseProtocols(list string) (lowest, highest uint16, err error) {
	versions := []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"} // consecutive numbers from tls.VersionTLS10
	var chosen [4]bool
	for _, word := range strings.Fields(list) {
		i := slices.IndexFunc(versions, func(v string) bool { return strings.EqualFold(v, word) })
		if i < 0 {
			return 0, 0, errProtocols
		}
		chosen[i] = true
	}
	first, last := slices.Index(chosen[:], true), 3
	if first < 0 {
		return tls.VersionTLS12, tls.VersionTLS13, nil // the default, as in redis-sentinel
	}
	for !chosen[last] {
		last--
	}
	if slices.Contains(chosen[first:last+1], false) {
		// A version range would enable what the operator left out.
		return 0, 0, fmt.Errorf("tls-protocols %q leaves out a version in the middle: name all from the lowest to the highest", list)
	}
	return tls.VersionTLS10 + uint16(first), tls.VersionTLS10 + uint16(last), nil
}
