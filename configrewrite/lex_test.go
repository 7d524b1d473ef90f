package configrewrite

import (
	"errors"
	"slices"
	"testing"

	"github.com/gosentinel/sentinel/internal/words"
)

// TestSplitArgs tests what is added to the rules of package words.
func TestSplitArgs(t *testing.T) {
	if got, err := splitArgs(`a "b c"`); err != nil || !slices.Equal(got, []string{"a", "b c"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for line, want := range map[string]error{`"a`: errUnbalanced, `"a"b`: errUnbalanced, "a\x00b": errNUL, "\"a\x00": errNUL} {
		if got, err := splitArgs(line); !errors.Is(err, want) {
			t.Errorf("splitArgs(%q) = %q, %v, want %v", line, got, err, want)
		}
	}
}

func TestJoinArgsIsInverse(t *testing.T) {
	for _, a := range nastyWords {
		for _, b := range nastyWords {
			if got, err := splitArgs(joinArgs(a, b)); err != nil || !slices.Equal(got, []string{a, b}) {
				t.Errorf("%q, %q became %q (%v) by way of %s", a, b, got, err, joinArgs(a, b))
			}
		}
	}
}

func TestLiteralIP(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f.1": "127.0.0.1", "010.1.1": "8.1.0.1",
		"10.1.65535": "10.1.255.255", "::1": "::1", "0:0::1": "::1", "::ffff:10.0.0.1": "10.0.0.1", "fe80::1%eth0": "fe80::1%eth0",
	} {
		if got, ok := literalIP(host); !ok || got != want {
			t.Errorf("literalIP(%q) = %q, %v, want %q", host, got, ok, want)
		}
	}
	for _, host := range []string{
		"", "localhost", "1.2.3.4.5", "256.1", "1.2.3.256", "1.2.65536", "10.", ".10", "1_0.1", "0b1", "0o7", "+1", "-1", "08.1", "a.1", "4294967296", "1.2.3.4 ",
	} {
		if got, ok := literalIP(host); ok {
			t.Errorf("literalIP(%q) = %q, want none", host, got)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"prot": "port", "logelvel": "loglevel", "requirepas": "requirepass", "sentinal": "sentinel", "xyzzyxyzzy": "", "PORT": "port",
		// Their ends were cut off.
		"superv": "supervised", "ACL-PUB": "acl-pubsub-default", "acl": "", "tls-": "", "pr": "",
	} {
		names := []string{"sentinel"}
		for _, o := range settingOptions {
			names = append(names, o.Name)
		}
		if got := words.Nearest(word, names); got != want {
			t.Errorf("words.Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "5": 5, "5b": 5, "1k": 1000, "1KB": 1024, "2m": 2e6, "2mb": 2 << 20, "1g": 1e9, "1gb": 1 << 30} {
		if got, ok := parseSize(text); !ok || got != want {
			t.Errorf("parseSize(%q) = %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "b", "-1", "1tb", "1kk", "1 k", "9999999999gb", "x"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("parseSize(%q) = %d", text, got)
		}
	}
}

func TestMasked(t *testing.T) {
	for line, want := range map[string]string{
		"requirepass secret":                  "requirepass ******",
		"Sentinel AUTH-PASS m se cret":        "Sentinel AUTH-PASS ******",
		"sentinel sentinel-pass secret":       "sentinel sentinel-pass ******",
		"user alice on >secret":               "user ******",
		"sentinel auth-pass secret":           "sentinel auth-pass ******",
		"sentinel monitor m 127.0.0.1 6379 2": "sentinel monitor m 127.0.0.1 6379 2",
		"port":                                "port",
	} {
		if got := Masked(line); got != want {
			t.Errorf("Masked(%q) = %q, want %q", line, got, want)
		}
	}
}
