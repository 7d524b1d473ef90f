package resp

import (
	"bufio"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// show writes a value as one line.
func show(v Value) string {
	if v.Kind != '*' {
		return string(v.Kind) + v.Text
	}
	var items []string
	for _, i := range v.Items {
		items = append(items, show(i))
	}
	return "[" + strings.Join(items, " ") + "]"
}

var generous = Limits{Bytes: 1000, Items: 100}

func TestRead(t *testing.T) {
	for wire, want := range map[string]string{
		"+OK\r\n":                       "+OK",
		"-ERR no\r\n":                   "-ERR no",
		":-12\r\n":                      ":-12",
		"$4\r\na\r\nb\r\n":              "$a\r\nb",
		"$-1\r\n":                       "$",
		"*-1\r\n":                       "[]",
		"*2\r\n:1\r\n*1\r\n$1\r\na\r\n": "[:1 [$a]]",
		"%1\r\n+a\r\n#t\r\n":            "[+a #t]",
		">2\r\n+message\r\n_\r\n":       "[+message _]",
		"~1\r\n,1.5\r\n":                "[,1.5]",
		"!5\r\nERR x\r\n":               "!ERR x",
		"=5\r\ntxt:x\r\n":               "=txt:x",
		"*1\r\n" + strings.Repeat("*1\r\n", 14) + "+x\r\n": strings.Repeat("[", 15) + "+x" + strings.Repeat("]", 15),
	} {
		rd := bufio.NewReader(iotest.OneByteReader(strings.NewReader(wire + "+next\r\n")))
		v, err := Read(rd, generous)
		if err != nil || show(v) != want {
			t.Errorf("%q is %s, %v; want %s", wire, show(v), err, want)
		}
		if v, err := Read(rd, generous); err != nil || v.Text != "next" {
			t.Errorf("behind %q: %s, %v", wire, show(v), err)
		}
		for cut := range len(wire) {
			if _, err := Read(bufio.NewReader(strings.NewReader(wire[:cut])), generous); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", wire[:cut], err)
			}
		}
	}
}

func TestStrangers(t *testing.T) {
	for wire, want := range map[string]error{
		"HTTP/1.1 400 Bad Request\r\n":  ErrNoRedis,
		"\r\n":                          ErrNoRedis,
		"$x\r\n":                        ErrNoRedis,
		"$-2\r\n":                       ErrNoRedis,
		"*-2\r\n":                       ErrNoRedis,
		"$1001\r\n":                     ErrTooLarge,
		"$9223372036854775807\r\n":      ErrTooLarge,
		"*101\r\n":                      ErrTooLarge,
		"%9223372036854775807\r\n":      ErrTooLarge,
		"+" + strings.Repeat("x", 5000): ErrTooLarge,
		strings.Repeat("*1\r\n", 50):    ErrTooLarge,
		"*99\r\n" + strings.Repeat("*9\r\n+x\r\n+x\r\n+x\r\n+x\r\n+x\r\n+x\r\n+x\r\n+x\r\n+x\r\n", 20): ErrTooLarge,
	} {
		if v, err := Read(bufio.NewReader(strings.NewReader(wire)), generous); !errors.Is(err, want) {
			t.Errorf("%.40q is %.40s, %v; want %v", wire, show(v), err, want)
		}
	}
}

// TestAnnouncedLength: what is only announced takes no memory.
func TestAnnouncedLength(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(bufio.NewReader(strings.NewReader("$1073741824\r\nshort")), Limits{Bytes: 2 << 30, Items: 1})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 1<<20 {
		t.Errorf("%v, %d bytes", err, n)
	}
}

func TestLogin(t *testing.T) {
	for _, c := range []struct{ user, password, want string }{
		{"", "", ""}, {"u", "", ""}, {"", "p", "AUTH p"}, {"u", "p", "AUTH u p"},
	} {
		if got := strings.Join(Login(c.user, c.password), " "); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for text, want := range map[string]bool{
		"ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?": true,
		"ERR Client sent AUTH, but no password is set":                  true,
		"WRONGPASS invalid username-password pair or user is disabled.": false,
	} {
		if got := (Value{Kind: '-', Text: text}).LoginIsNeedless(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if got := string(AppendCommand([]byte("x"), "GET", "k")); got != "x*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" {
		t.Errorf("%q", got)
	}
}
