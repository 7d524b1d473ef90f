package link

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const testBulk = 1000

func TestScannerFindsTheEnd(t *testing.T) {
	for _, frame := range []string{
		"+PONG\r\n", "+\r\n", "-ERR no\r\n", ":0\r\n", ":-12\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$3\r\na\r\n\r\n",
		"*3\r\n:1\r\n$1\r\n*\r\n:0\r\n",
		"*2\r\n*1\r\n*1\r\n*1\r\n:1\r\n*0\r\n",
		"+" + strings.Repeat("x", maxLine-3) + "\r\n",
		"$1000\r\n" + strings.Repeat("x", 1000) + "\r\n",
	} {
		t.Run(shown([]byte(frame)), func(t *testing.T) {
			for _, tail := range []string{"", "+next\r\n", "garbage"} {
				var s scanner
				if n, err := s.scan([]byte(frame+tail), testBulk); n != len(frame) || err != nil {
					t.Errorf("followed by %q: %d, %v; want %d", tail, n, err, len(frame))
				}
			}
			var s scanner
			for i := range len(frame) - 1 {
				if n, err := s.scan([]byte(frame[:i+1]), testBulk); n != 0 || err != nil {
					t.Fatalf("after %d bytes: %d, %v; want unfinished", i+1, n, err)
				}
			}
			if n, err := s.scan([]byte(frame), testBulk); n != len(frame) || err != nil {
				t.Errorf("byte by byte: %d, %v; want %d", n, err, len(frame))
			}
		})
	}
}

func TestScannerRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"HTTP":              {"HTTP/1.1 400 Bad Request\r\n", `not a Redis reply: "HTTP/1.1 400`},
		"HTTP, one byte":    {"H", "not a Redis reply"},
		"RESP3 map":         {"%1\r\n", "not a Redis reply"},
		"binary":            {"\x00\xff\x1b[2J", `"\x00\xff\x1b[2J"`},
		"bulk of 1 GB":      {"$1073741824\r\n", "bulk string of 1073741824 bytes, at most 1000"},
		"bulk by one":       {"$1001\r\n", "bulk string of 1001 bytes"},
		"bulk overflow":     {"$9223372036854775808\r\n", "no number"},
		"bulk negative":     {"$-2\r\n", "negative length"},
		"bulk without CRLF": {"$1\r\naXY", "is followed by"},
		"bulk with a sign":  {"$+1\r\n", "no number"},
		"no number":         {":\r\n", "no number"},
		"spaced number":     {": 1\r\n", "no number"},
		"endless number":    {"$" + strings.Repeat("0", maxNumber), "line longer than 32"},
		"long number":       {":" + strings.Repeat("0", maxNumber) + "\r\n", "line longer than 32"},
		"array":             {"*1025\r\n", "array of 1025 elements"},
		"array negative":    {"*-2\r\n", "negative length"},
		"deep array":        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "nested deeper"},
		"endless line":      {"-" + strings.Repeat("x", maxLine), "line longer than 65536"},
		"long line":         {"+" + strings.Repeat("x", maxLine) + "\r\n", "line longer than 65536"},
		"line feed":         {"+PONG\n", "without CR"},
		"only a line feed":  {"+\n", "without CR"},
		"too much in all":   {"*1000\r\n" + strings.Repeat("$1000\r\n"+strings.Repeat("x", 1000)+"\r\n", 70), "reply longer than"},
		"wrong element":     {"*2\r\n:1\r\nx", "not a Redis reply"},
	} {
		t.Run(name, func(t *testing.T) {
			var s scanner
			n, err := s.scan([]byte(c.in), testBulk)
			var perr *protocolError
			if n != 0 || !errors.As(err, &perr) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("scan = %d, %v; want an error with %s", n, err, c.want)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestElements(t *testing.T) {
	v, rest := decode([]byte("*4\r\n:1\r\n*2\r\n*1\r\n:8\r\n$2\r\n\r\n\r\n+ok\r\n$-1\r\n"))
	var buf [8]value
	got := elements(buf[:], v, rest)
	want := []value{{kind: ':', num: 1}, {kind: '*', num: 2}, {kind: '+', text: []byte("ok")}, {kind: '$', null: true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("elements = %+v, want %+v", got, want)
	}
	if got := elements(buf[:1], v, rest); len(got) != 1 {
		t.Errorf("asked for one element, got %d", len(got))
	}
}

// FuzzReplyParser compares the resumable parser, fed in pieces that the fuzzer
// chooses, with a plain recursive one that sees everything at once.
func FuzzReplyParser(f *testing.F) {
	for _, seed := range []string{
		"+PONG\r\n-LOADING x\r\n", "*3\r\n:1\r\n$1\r\n*\r\n:0\r\n", "$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n", "*2\r\n*1\r\n*0\r\n:9\r\n",
		"$1073741824\r\n", "HTTP/1.1 200 OK\r\n\r\n", "*1\r\n$9223372036854775807\r\n", "*1024\r\n", "$2\r\nabX", "+a\n", ":+1\r\n",
	} {
		f.Add([]byte(seed), uint8(1))
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		got := scanPieces(in, max(1, int(piece)))
		want := scanPlain(in)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q in pieces of %d\n got %+v\nwant %+v", in, piece, got, want)
		}
	})
}

// parsed is what became of a stream: its replies as text, and how it ended.
type parsed struct {
	replies []string
	bad     bool
}

func scanPieces(in []byte, piece int) (p parsed) {
	var s scanner
	var held []byte
	for len(in) > 0 {
		n := min(piece, len(in))
		held = append(held, in[:n]...)
		in = in[n:]
		for len(held) > 0 {
			end, err := s.scan(held, testBulk)
			if err != nil {
				p.bad = true
				return p
			}
			if end == 0 {
				break
			}
			text, rest := renderValue(held[:end])
			if len(rest) != 0 {
				panic("a reply was read short of its end")
			}
			p.replies = append(p.replies, text)
			held, s = bytes.Clone(held[end:]), scanner{}
		}
	}
	return p
}

func renderValue(b []byte) (string, []byte) {
	v, rest := decode(b)
	if v.kind != '*' || v.null {
		return fmt.Sprintf("%c%v%d%q", v.kind, v.null, v.num, v.text), rest
	}
	text := "["
	for range v.num {
		var e string
		e, rest = renderValue(rest)
		text += e + " "
	}
	return text + "]", rest
}

func scanPlain(in []byte) (p parsed) {
	for len(in) > 0 {
		text, n, ok, whole := plainReply(string(in), 0)
		if !ok || n > testBulk+maxLine {
			p.bad = true
			return p
		}
		if !whole {
			return p
		}
		p.replies = append(p.replies, text)
		in = in[n:]
	}
	return p
}

// plainReply reads the reply at the front of s: its text, its length, whether
// what is there is correct, and whether it is all there.
func plainReply(s string, depth int) (text string, n int, ok, whole bool) {
	if s == "" {
		return "", 0, true, false
	}
	longest := map[byte]int{'+': maxLine, '-': maxLine, ':': maxNumber, '$': maxNumber, '*': maxNumber}[s[0]]
	line, after, found := strings.Cut(s, "\n")
	if longest == 0 || len(line) > longest {
		return "", 0, false, false
	}
	if !found {
		return "", 0, true, false
	}
	arg, cr := strings.CutSuffix(line[1:], "\r")
	if !cr {
		return "", 0, false, false
	}
	n = len(line) + 1
	if s[0] == '+' || s[0] == '-' {
		return fmt.Sprintf("%cfalse0%q", s[0], arg), n, true, true
	}
	num, err := strconv.Atoi(arg)
	if err != nil || arg[0] == '+' {
		return "", 0, false, false
	}
	var none []byte
	switch {
	case s[0] == ':':
		return fmt.Sprintf(":false%d%q", num, none), n, true, true
	case num == -1:
		return fmt.Sprintf("%ctrue0%q", s[0], none), n, true, true
	case num < 0:
		return "", 0, false, false
	case s[0] == '$':
		return plainBulk(after, n, num)
	}
	return plainArray(after, n, num, depth)
}

func plainBulk(after string, n, num int) (string, int, bool, bool) {
	switch {
	case num > testBulk:
		return "", 0, false, false
	case len(after) < num+2:
		return "", 0, true, false
	case after[num:num+2] != "\r\n":
		return "", 0, false, false
	}
	return fmt.Sprintf("$false0%q", after[:num]), n + num + 2, true, true
}

func plainArray(after string, n, num, depth int) (text string, _ int, ok, whole bool) {
	if num > maxElements || (num > 0 && depth == maxDepth) {
		return "", 0, false, false
	}
	text = "["
	for range num {
		e, length, ok, whole := plainReply(after, depth+1)
		if !ok || !whole {
			return "", 0, ok, whole
		}
		text += e + " "
		n += length
		after = after[length:]
	}
	return text + "]", n, true, true
}
