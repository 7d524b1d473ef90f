package valid

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"

	"github.com/gosentinel/sentinel/internal/numhost"
)

const (
	// MaxHost is the longest host name in bytes, as in DNS.
	MaxHost = 255
	// MaxMasterName is the longest name of a new master in bytes. Names are part
	// of every hello message and event, which are at most 1023 bytes long.
	MaxMasterName = 255
	// IDLen is the length of the id of a Sentinel or server, in bytes.
	IDLen = 40
)

// What is wrong with a host.
var (
	ErrNoHost   = errors.New("the address is empty")
	ErrLongHost = errors.New("an address has at most 255 bytes")
	ErrHostText = errors.New("an address cannot contain white space, quotes, commas, backslashes or control characters")
	ErrUnusable = errors.New("nobody can connect to this address")
)

// Host judges the host of an address: an IP address or a name. Names may hold
// underscores and a dot at the end, as they do in containers, and letters of every
// alphabet. Hosts stand in files, hello messages and events, whose fields end at
// blanks and commas: another character could forge a field or a whole line there.
func Host(host string) error {
	switch {
	case host == "":
		return ErrNoHost
	case len(host) > MaxHost:
		return ErrLongHost
	case strings.ContainsFunc(host, notInHost):
		return ErrHostText
	}
	return nil
}

func notInHost(r rune) bool {
	if r > '~' {
		return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit)
	}
	return notInWord(r)
}

// notInWord reports characters that end a field or a word somewhere, and all that
// are not printable ASCII.
func notInWord(r rune) bool {
	return r <= ' ' || r > '~' || r == '"' || r == '\'' || r == '\\' || r == ','
}

// Announced judges a host at which somebody claims to be reachable. It is
// [Host], and it must be possible to connect there: 0.0.0.0 and :: lead each machine
// to itself, and addresses of many machines to none.
func Announced(host string) error {
	if err := Host(host); err != nil {
		return err
	}
	text, literal := numhost.Parse(host)
	if !literal {
		return nil
	}
	ip, _ := netip.ParseAddr(text)
	if ip = ip.WithZone(""); ip.IsUnspecified() || ip.IsMulticast() || ip == broadcast {
		return ErrUnusable
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// What is wrong with the name of a master.
var (
	ErrNoName   = errors.New("the name of a master cannot be empty")
	ErrLongName = errors.New("the name of a master has at most 255 bytes")
	ErrTold     = errors.New("a comma or control character in a name cannot be told to other Sentinels")
	ErrNameText = errors.New("the name of a master cannot contain blanks, commas, quotes or backslashes; use letters, digits and . - _")
)

// ToldName judges the name of a master as a hello message can carry it. A master
// whose name is not one can be watched, but no other Sentinel learns of it.
func ToldName(name string) error {
	switch {
	case name == "":
		return ErrNoName
	case strings.Contains(name, ",") || strings.ContainsFunc(name, unicode.IsControl):
		return ErrTold
	}
	return nil
}

// MasterName judges the name of a new master. Besides what [ToldName] refuses, it
// refuses what breaks the configuration file of a redis-sentinel. Files of theirs
// hold such names all the same.
func MasterName(name string) error {
	switch {
	case name == "":
		return ErrNoName
	case len(name) > MaxMasterName:
		return ErrLongName
	case strings.ContainsAny(name, " ,\"'`\\") || strings.ContainsFunc(name, unicode.IsControl):
		return ErrNameText
	}
	return nil
}

// What is wrong with an id.
var (
	ErrIDLen  = errors.New("an id is 40 characters long")
	ErrIDText = errors.New("an id cannot contain white space, quotes, commas, backslashes or other than ASCII characters")
)

// ID judges the id of a Sentinel or server.
func ID(id string) error {
	switch {
	case len(id) != IDLen:
		return ErrIDLen
	case strings.ContainsFunc(id, notInWord):
		return ErrIDText
	}
	return nil
}

// ErrControl is what is wrong with a word of a command.
var ErrControl = errors.New("control characters are not allowed")

// Word judges a word that an operator's command leaves in the file: a password, a
// user, a path, the new name of a command. A line break in one would inject a
// directive into the file of a redis-sentinel, and a line into logs. Bytes of every
// other kind are fine.
func Word(word string) error {
	for i := range len(word) {
		if c := word[i]; c < ' ' || c == 0x7f {
			return ErrControl
		}
	}
	return nil
}

// SameCommand reports whether two words name the same command. As for servers,
// case matters for no letter of ASCII and for all others: a table that took "KILL"
// and its look-alike with a Kelvin sign for two names here, and for one there, could
// be written and not be read back.
func SameCommand(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
