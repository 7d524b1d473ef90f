package logfile

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", `+switch-master m 10.0.0.1 6379 [::1] 6380 "x" C:\dir`, `+switch-master m 10.0.0.1 6379 [::1] 6380 "x" C:\dir`},
		{"other scripts", "Grüße, 世界", "Grüße, 世界"},
		{"forged line", "x\n42:X 01 Nov 2026 08:05:03.007 # +sdown", `x\n42:X 01 Nov 2026 08:05:03.007 # +sdown`},
		{"carriage return", "real\rfake", `real\rfake`},
		{"tab", "a\tb", `a\tb`},
		{"terminal escape", "\x1b[2J", `\x1b[2J`},
		{"zero and delete", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "\u009b2J", `\u009b2J`},
		{"not UTF-8", "a\xff\xfeb", `a\xff\xfeb`},
		{"torn UTF-8", "\xe4\xb8", `\xe4\xb8`},
		{"a real replacement character", "\ufffd", "\ufffd"},
		{"right to left override", "a\u202eb", `a\u202eb`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"zero width space outside the first plane", "\U000e0001", `\U000e0001`},
	} {
		if got := string(appendText(nil, []byte(c.in))); got != c.want {
			t.Errorf("%s: %q is written as %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	fits := strings.Repeat("x", MaxText)
	if got := string(appendText(nil, []byte(fits))); got != fits {
		t.Error("a text of the greatest length was changed")
	}
	got := string(appendText(nil, []byte(fits+"yz")))
	if got != fits+"... (2 bytes more)" {
		t.Errorf("a longer text ends with %q", got[MaxText:])
	}
	// A character that straddles the limit is cut as a whole.
	got = string(appendText(nil, []byte(fits[:MaxText-1]+"世界")))
	if got != fits[:MaxText-1]+"... (6 bytes more)" {
		t.Errorf("a text cut inside of a character ends with %q", got[MaxText-4:])
	}
	// Nothing but continuation bytes: there is no character to cut as a whole.
	got = string(appendText(nil, []byte(strings.Repeat("\x80", 2*MaxText))))
	if !strings.HasPrefix(got, strings.Repeat(`\x80`, MaxText-utf8.UTFMax)) {
		t.Error("bytes that are no text were lost")
	}
}

func TestEventPayloadIsCutAsItIsPublished(t *testing.T) {
	var out strings.Builder
	w := start(t, Config{Stdout: &out})
	w.Event(event.VoteForLeader{RunID: monitor.RunID(strings.Repeat("x", 5000))})
	stop(t, w)
	expect(t, out.String(), stamp+"# +vote-for-leader "+strings.Repeat("x", event.MaxText)+"\n")
}

func FuzzText(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("a\r\nb\x1b[0m\xff"))
	f.Add([]byte("Grüße, 世界\u202e"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := string(appendText(nil, text))
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q contains %q, which does not print", got, r)
			}
		}
		if len(got) > 10*MaxText+64 {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	})
}
