package words_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/words"
)

func Example() {
	list, ok := words.Split(`sentinel auth-pass m "a b"`)
	fmt.Printf("%q %v\n", list, ok)
	fmt.Println(words.Join(list...))
	// Output:
	// ["sentinel" "auth-pass" "m" "a b"] true
	// sentinel auth-pass m "a b"
}

func TestNearest(t *testing.T) {
	known := []string{"group", "Groups", "file", "ttl", "template"}
	for word, want := range map[string]string{
		"gruop": "group", "GROUPS": "Groups", "fiel": "file", "tt": "ttl", "x": "", "temp": "template", "": "", strings.Repeat("file", 20): "",
	} {
		if got := words.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if d := words.Distance("kitten", "sitting"); d != 3 {
		t.Errorf("the distance is %d", d)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                       nil,
		" \t ":                   nil,
		"a b\tc":                 {"a", "b", "c"},
		`a "b c" d`:              {"a", "b c", "d"},
		`ab"c d"`:                {"abc d"},
		`"\x41\x4Z\n\r\t\b\a\q"`: {"Ax4Z\n\r\t\b\aq"},
		`"\xfF\xa0\x9"`:          {"\xff\xa0x9"},
		`'a\'b\n"'`:              {`a'b\n"`},
		`a\ b`:                   {`a\`, "b"},
		`"" ''`:                  {"", ""},
		"a\vb \vc":               {"a\vb", "c"},
		"\"a\"\vb":               {"a", "b"},
		"#x":                     {"#x"},
		"a\x00b":                 {"a\x00b"},
	} {
		if got, ok := words.Split(line); !ok || !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, %v, want %q", line, got, ok, want)
		}
	}
	for _, line := range []string{`"a`, `'a`, `"a"b`, `'a'b`, `"a\"`, `'a\'`, `"a" "b"c`, `""""`, `x"`, `"\`} {
		if got, ok := words.Split(line); ok {
			t.Errorf("Split(%q) = %q, want none", line, got)
		}
	}
}

func TestJoinIsInverse(t *testing.T) {
	nasty := []string{"", "a", " ", "a b", `"`, `'`, `\`, `\n`, "\n\r\t\a\b", "\x00\x01\x7f\xff", "é", "#", `a"b'c\d`, "\v", "\f", "-"}
	for c := range 256 {
		nasty = append(nasty, string([]byte{byte(c)}))
	}
	for _, a := range nasty {
		for _, b := range nasty {
			for _, line := range []string{words.Join(a, b), words.Quote(a) + " " + words.Quote(b)} {
				if got, ok := words.Split(line); !ok || !slices.Equal(got, []string{a, b}) {
					t.Fatalf("%q, %q became %q, %v by way of %s", a, b, got, ok, line)
				}
			}
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`a "b c"`, `'\''`, `"\x4`, "\v\f", `a"b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		list, ok := words.Split(line)
		if !ok {
			return
		}
		joined := words.Join(list...)
		if again, ok := words.Split(joined); !ok || !slices.Equal(again, list) {
			t.Fatalf("%q\nis    %q\nbut %q\nis    %q, %v", line, list, joined, again, ok)
		}
		if strings.ContainsAny(joined, "\n\r\x00") {
			t.Fatalf("%q has control characters", joined)
		}
	})
}
