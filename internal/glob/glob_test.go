package glob

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"**", "", true}, {"?", "", false},
		{"?", "a", true}, {"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "abcd", false}, {"a*b*c", "aXbYbZc", true},
		{"[-+]sdown", "+sdown", true}, {"[-+]sdown", "-sdown", true}, {"[-+]sdown", "sdown", false},
		{"[a-c]x", "bx", true}, {"[c-a]x", "bx", true}, {"[a-c]x", "dx", false}, {"[^a-c]x", "dx", true}, {"[^a-c]x", "ax", false},
		{"[^]", "a", true}, {"[]", "a", false}, {"[]a]", "a]", false}, {"[a", "a", true}, {"[", "[", false}, {"[^", "x", true},
		{`[\]]`, "]", true}, {`[\-a]`, "-", true}, {`[a\`, `\`, true}, {`[a-`, "-", true}, {`[a-]`, "]", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`a\`, `a\`, true}, {`\[a]`, "[a]", true}, {"a]", "a]", true},
		{"*ab", "aab", true}, {"*a?c*", "xxabcxx", true}, {"+switch-master", "+switch-master", true}, {"A", "a", false},
		{"*.*", "a.b.c", true}, {"h[^e]llo", "hello", false},
	} {
		if got := Match(c.pattern, c.s); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{{"ANNOUNCE-*", "announce-ip", true}, {"[A-C]", "b", true}, {"[^B]", "b", false}, {`\A`, "a", true}, {"x", "y", false}} {
		if got := MatchFold(c.pattern, c.s); got != c.want {
			t.Errorf("MatchFold(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

// TestHostilePattern would practically never end if a failed match went back to
// every star.
func TestHostilePattern(t *testing.T) {
	if Match(strings.Repeat("a*", 500)+"b", strings.Repeat("a", 2000)) {
		t.Error("matched")
	}
}

// recursive is the obvious definition: a star matches nothing, or one byte more.
func recursive(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		return recursive(p[1:], s) || (s != "" && recursive(p, s[1:]))
	}
	if s == "" {
		return false
	}
	n := element(p, s[0], false)
	return n > 0 && recursive(p[n:], s[1:])
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-d]?", "axxcq")
	f.Add(`*\*[^x]*`, "a*bb")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 12 {
			return
		}
		if got, want := Match(p, s), recursive(p, s); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", p, s, got, want)
		}
	})
}
