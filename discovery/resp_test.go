package discovery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReplies(t *testing.T) {
	for _, c := range []struct{ wire, want string }{
		{"+OK\r\n", "+OK"},
		{"-ERR no\r\n", "-ERR no"},
		{":-12\r\n", ":-12"},
		{"$3\r\na\r\n\r\n", "$a\r\n"},
		{"$0\r\n\r\n", "$"},
		{"$-1\r\n", "$null"},
		{"*-1\r\n", "*null"},
		{"*0\r\n", "*()"},
		{"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*($a *(:1))"},
	} {
		// One byte at a time, as a network may deliver it.
		got, err := newReader(iotest.OneByteReader(strings.NewReader(c.wire))).read()
		if err != nil || show(got) != c.want {
			t.Errorf("%q: %s, %v; want %s", c.wire, show(got), err, c.want)
		}
		for cut := 1; cut < len(c.wire); cut++ {
			if _, err := newReader(strings.NewReader(c.wire[:cut])).read(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", c.wire[:cut], err)
			}
		}
	}
	if _, err := newReader(strings.NewReader("")).read(); err != io.EOF {
		t.Errorf("an empty stream: %v", err)
	}
}

// show writes a reply as one line.
func show(r reply) string {
	s := string(r.kind)
	switch {
	case r.null:
		return s + "null"
	case r.kind != array:
		return s + r.text
	}
	var items []string
	for _, item := range r.items {
		items = append(items, show(item))
	}
	return s + "(" + strings.Join(items, " ") + ")"
}

// What strangers send is an error that says what is wrong, and costs little.
func TestBadReplies(t *testing.T) {
	const tooLarge = "larger than anything"
	for _, c := range []struct{ name, wire, want string }{
		{"HTTP", "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "this is an HTTP server"},
		{"SSH", "SSH-2.0-OpenSSH_9\r\n", "this is an SSH server"},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x46", "it wants TLS"},
		{"RESP3", "%1\r\n+a\r\n+b\r\n", "is no answer of a Redis server or Sentinel"},
		{"noise", "\x00\xff\x00", "is no answer of a Redis server or Sentinel"},
		{"bare LF", "+OK\n", "CR LF"},
		{"long line", "+" + strings.Repeat("x", 1<<20), tooLarge},
		{"no integer", ":1x\r\n", "is no integer"},
		{"no length", "$x\r\n", "is no length"},
		{"negative length", "$-2\r\n", "is no length"},
		{"length out of range", "*99999999999999999999\r\n", "is no length"},
		{"huge bulk", "$9999999999\r\n", tooLarge},
		{"large bulk", "$70000\r\n", tooLarge},
		{"bulk without end", "$1\r\nabc", "CR LF"},
		{"huge array", "*9999999999\r\n", tooLarge},
		{"wide array", "*33000\r\n", tooLarge},
		{"many values", "*2\r\n" + strings.Repeat("*20000\r\n"+strings.Repeat(":1\r\n", 20000), 2), tooLarge},
		{"many bytes", "*30\r\n" + strings.Repeat("$60000\r\n"+strings.Repeat("x", 60000)+"\r\n", 30), tooLarge},
		{"deep", strings.Repeat("*1\r\n", 100), tooLarge},
	} {
		if _, err := newReader(strings.NewReader(c.wire)).read(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		} else if len(err.Error()) > 400 {
			t.Errorf("%s: the error has %d bytes", c.name, len(err.Error()))
		}
	}
}

// A length that is announced must not be what memory is taken for.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	perReply := testing.AllocsPerRun(10, func() {
		if _, err := newReader(strings.NewReader("*32000\r\n")).read(); err == nil {
			t.Error("no error")
		}
	})
	if perReply > 20 {
		t.Errorf("%v allocations for an array that never came", perReply)
	}
}

func TestCommands(t *testing.T) {
	b := command{"AUTH", "", "p\r\nw"}.appendTo([]byte("x"))
	if want := "x*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$4\r\np\r\nw\r\n"; string(b) != want {
		t.Errorf("%q", b)
	}
}

// FuzzReply looks for input that crashes the reader, costs more than it may, or
// is read as something that means other bytes.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"+OK\r\n", "-ERR x\r\n", ":1\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n*0\r\n", "*9999\r\n", "HTTP/1.0 200 OK\r\n",
		"*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$9\r\nm a 1 b 2\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		src := bytes.NewReader(in)
		r := newReader(src)
		for range 4 {
			v, err := r.read()
			if err != nil {
				return
			}
			if size, values := measure(v); size > maxReply || values > maxItems {
				t.Fatalf("%d bytes in %d values", size, values)
			}
			again, err := newReader(bytes.NewReader(encode(nil, v))).read()
			if err != nil || show(again) != show(v) {
				t.Fatalf("%s became %s, %v", show(v), show(again), err)
			}
		}
	})
}

func measure(v reply) (size, values int) {
	size, values = len(v.text), 1
	for _, item := range v.items {
		s, n := measure(item)
		size, values = size+s, values+n
	}
	return size, values
}

// encode writes a reply as a server does.
func encode(b []byte, v reply) []byte {
	switch {
	case v.null:
		return append(append(b, byte(v.kind)), "-1\r\n"...)
	case v.kind == bulk:
		return fmt.Appendf(b, "$%d\r\n%s\r\n", len(v.text), v.text)
	case v.kind != array:
		return append(append(append(b, byte(v.kind)), v.text...), "\r\n"...)
	}
	b = fmt.Appendf(b, "*%d\r\n", len(v.items))
	for _, item := range v.items {
		b = encode(b, item)
	}
	return b
}
