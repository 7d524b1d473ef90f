package configrewrite

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// hexPrefix marks a text of the state part that is not what it looks like:
// TOML holds Unicode only, but a password is any bytes, and a state that cannot
// be written would stop this Sentinel from voting.
const hexPrefix = "hex:"

// tomlString returns a basic string from which decodeText restores s.
func tomlString(s string) string {
	if !utf8.ValidString(s) || strings.HasPrefix(s, hexPrefix) {
		return `"` + hexPrefix + hex.EncodeToString([]byte(s)) + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func decodeText(s string) (string, error) {
	digits, found := strings.CutPrefix(s, hexPrefix)
	if !found {
		return s, nil
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return "", errors.New(`begins with "hex:", so that pairs of hexadecimal digits must follow`)
	}
	return string(raw), nil
}

func tomlStrings(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = tomlString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
