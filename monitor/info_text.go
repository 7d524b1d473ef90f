package monitor

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// InfoText is a reply to INFO in the form in which it is kept: about a fifth of its
// size, as most of it is known beforehand. A Sentinel keeps the last reply of each
// server, which was the largest part of its memory. "" is no reply.
//
// It is a row of steps through the lines of infoLines. A byte of at least 0x80 stands
// for so many lines as they are there, one more than its lower bits say; the others are
// in the constants below.
type InfoText string

const (
	packedLine  = 0 // a length and a text that follows
	packedValue = 1 // the next line with another value, which follows up to a LF
	packedJump  = 2 // a number follows: that of the line which is next
	packedRun   = 0x80
)

// knownLine is a line that is known beforehand.
type knownLine struct {
	whole []byte // with CR and LF
	key   []byte // up to the colon; nil when it has none
}

var knownLines, knownKeys = indexInfoLines()

func indexInfoLines() ([]knownLine, map[string]int) {
	var lines []knownLine
	keys := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSuffix(infoLines, "\n"), "\n") {
		k := knownLine{whole: []byte(line + "\r\n")}
		if key, _, ok := strings.Cut(line, ":"); ok {
			k.key = []byte(key + ":")
			keys[key] = len(lines)
		} else if line != "" {
			keys[line] = len(lines)
		}
		lines = append(lines, k)
	}
	return lines, keys
}

// PackInfo packs a reply to INFO, whatever it holds. The result shares no memory with
// text, and is not "".
func PackInfo(text []byte) InfoText {
	var buf [2048]byte
	p := infoPacker{out: buf[:0]}
	for len(text) > 0 {
		text = text[p.line(text):]
	}
	p.finish()
	if len(p.out) == 0 {
		p.out = append(p.out, packedLine, 0)
	}
	return InfoText(p.out)
}

// infoPacker packs line after line.
type infoPacker struct {
	out  []byte
	next int    // the line of infoLines that is expected
	run  int    // so many were there, and are not yet in out
	odd  []byte // lines that are not known, and are not yet in out
}

// line packs the first line of text and returns its length.
func (p *infoPacker) line(text []byte) int {
	if p.next < len(knownLines) && bytes.HasPrefix(text, knownLines[p.next].whole) {
		return p.known()
	}
	n := bytes.IndexByte(text, '\n') + 1
	if n == 0 {
		n = len(text)
	}
	line := text[:n]
	body, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return p.unknown(text, n)
	}
	if p.next == len(knownLines) || knownLines[p.next].key == nil || !bytes.HasPrefix(body, knownLines[p.next].key) {
		key, _, _ := bytes.Cut(body, []byte(":"))
		at, ok := knownKeys[string(key)]
		if !ok || len(key) == len(body) && knownLines[at].key != nil {
			return p.unknown(text, n)
		}
		p.finish()
		p.out = binary.AppendUvarint(append(p.out, packedJump), uint64(at))
		p.next = at
	}
	k := knownLines[p.next]
	if bytes.Equal(k.whole, line) {
		return p.known()
	}
	if k.key == nil {
		return p.unknown(text, n)
	}
	p.finish()
	p.out = append(append(append(p.out, packedValue), body[len(k.key):]...), '\n')
	p.next++
	return n
}

// known takes the line that is expected.
func (p *infoPacker) known() int {
	if len(p.odd) > 0 || p.run == packedRun {
		p.finish()
	}
	p.run++
	p.next++
	return len(knownLines[p.next-1].whole)
}

// unknown takes the n bytes that text begins with.
func (p *infoPacker) unknown(text []byte, n int) int {
	if p.run > 0 {
		p.finish()
	}
	if len(p.odd) > 0 {
		p.odd = p.odd[:len(p.odd)+n] // text follows it in memory
	} else {
		p.odd = text[:n]
	}
	return n
}

// finish writes what is not yet in out.
func (p *infoPacker) finish() {
	if p.run > 0 {
		p.out = append(p.out, packedRun|byte(p.run-1))
	}
	if len(p.odd) > 0 {
		p.out = binary.AppendUvarint(append(p.out, packedLine), uint64(len(p.odd)))
		p.out = append(p.out, p.odd...)
	}
	p.run, p.odd = 0, nil
}

// Bytes returns the reply, byte for byte as it came; nil for no reply. It ends where t
// is not what [PackInfo] returned.
func (t InfoText) Bytes() []byte {
	if t == "" {
		return nil
	}
	text, next := make([]byte, 0, 6*len(t)), 0
	for len(t) > 0 {
		op := t[0]
		t = t[1:]
		switch {
		case op >= packedRun:
			for range int(op&^packedRun) + 1 {
				if next >= len(knownLines) {
					return text
				}
				text = append(text, knownLines[next].whole...)
				next++
			}
		case op == packedValue:
			value, rest, ok := strings.Cut(string(t), "\n")
			if !ok || next >= len(knownLines) {
				return text
			}
			text = append(append(append(text, knownLines[next].key...), value...), '\r', '\n')
			t = InfoText(rest)
			next++
		default:
			n, size := binary.Uvarint([]byte(t[:min(len(t), binary.MaxVarintLen64)]))
			if size <= 0 || op == packedLine && n > uint64(len(t)-size) || op == packedJump && n >= uint64(len(knownLines)) || op > packedJump {
				return text
			}
			t = t[size:]
			if op == packedJump {
				next = int(n)
				continue
			}
			text, t = append(text, t[:n]...), t[n:]
		}
	}
	return text
}
