package discovery

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What a reply may cost. A Sentinel that knows a hundred replicas sends about
// 120 KiB in 5,000 values.
const (
	maxLine  = 8 << 10  // bytes of a line
	maxBulk  = 64 << 10 // bytes of a bulk string
	maxReply = 1 << 20  // bytes of a whole reply
	maxItems = 32 << 10 // values in a whole reply
	maxDepth = 4        // arrays in arrays
)

// kind is the first byte of a reply.
type kind byte

const (
	status  kind = '+'
	failure kind = '-'
	integer kind = ':'
	bulk    kind = '$'
	array   kind = '*'
)

// reply is a RESP2 value. A null has neither text nor items.
type reply struct {
	kind  kind
	null  bool
	text  string  // of all but arrays
	items []reply // of arrays
}

// err returns the error that the reply is, or nil.
func (r reply) err() error {
	if r.kind == failure {
		return refusal(r.text)
	}
	return nil
}

// texts returns the items of an array of strings; false if it is anything else.
func (r reply) texts() ([]string, bool) {
	if r.kind != array || r.null {
		return nil, false
	}
	list := make([]string, len(r.items))
	for i, item := range r.items {
		if item.null || item.kind == array || item.kind == failure {
			return nil, false
		}
		list[i] = item.text
	}
	return list, true
}

// fields returns a flat array of names and values as a map; of two with one name
// the first counts.
func (r reply) fields() (map[string]string, bool) {
	list, ok := r.texts()
	if !ok || len(list)%2 != 0 {
		return nil, false
	}
	m := make(map[string]string, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		if _, twice := m[list[i]]; !twice {
			m[list[i]] = list[i+1]
		}
	}
	return m, true
}

// refusal is an error reply.
type refusal string

func (r refusal) Error() string { return "it says " + clip(string(r)) }

// errTooLarge is what limits end with.
var errTooLarge = errors.New("the reply is larger than anything a Redis server or Sentinel sends here")

// clip quotes what a stranger sent, for an error or a log line.
func clip(s string) string {
	if len(s) > 120 {
		s = s[:120] + "..."
	}
	return strconv.Quote(s)
}

// notRESP tells what else it may be that answers.
func notRESP(b byte, more string) error {
	what := ""
	switch start := string(b) + more; {
	case strings.HasPrefix(start, "HTTP/"):
		what = ": this is an HTTP server"
	case strings.HasPrefix(start, "SSH-"):
		what = ": this is an SSH server"
	case b == 0x15 || b == 0x16:
		what = ": it wants TLS"
	}
	return fmt.Errorf("%s is no answer of a Redis server or Sentinel%s", clip(string(b)+more), what)
}

// reader reads replies and holds back nothing but what has arrived: its buffer is
// small and fixed, and a reply grows only with the bytes that are there, whatever
// length it announces.
type reader struct {
	src   *bufio.Reader
	bytes int // that the reply may still have
	items int // values that it may still have
}

func newReader(src io.Reader) *reader {
	return &reader{src: bufio.NewReaderSize(src, maxLine)}
}

// read returns the next reply. After an error the stream is of no use.
func (r *reader) read() (reply, error) {
	r.bytes, r.items = maxReply, maxItems
	return r.value(0)
}

// unread reports whether something arrived behind the last reply.
func (r *reader) unread() bool { return r.src.Buffered() > 0 }

func (r *reader) value(depth int) (reply, error) {
	if r.items--; r.items < 0 {
		return reply{}, errTooLarge
	}
	first, err := r.src.ReadByte()
	if err != nil {
		return reply{}, err
	}
	switch kind(first) {
	case status, failure, integer, bulk, array:
	default:
		more, _ := r.src.Peek(min(r.src.Buffered(), 60))
		return reply{}, notRESP(first, string(more))
	}
	line, err := r.line()
	if err != nil {
		return reply{}, err
	}
	v := reply{kind: kind(first)}
	switch v.kind {
	case bulk:
		return r.bulk(line)
	case array:
		return r.array(line, depth)
	case integer:
		if _, err := strconv.ParseInt(line, 10, 64); err != nil {
			return reply{}, fmt.Errorf("%s is no integer", clip(line))
		}
	}
	v.text = line
	return v, nil
}

// line returns the rest of a line without its end.
func (r *reader) line() (string, error) {
	b, err := r.src.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errTooLarge
	case err != nil:
		return "", cutShort(err)
	case len(b) < 2 || b[len(b)-2] != '\r':
		return "", errors.New("a line does not end with CR LF")
	}
	if r.bytes -= len(b); r.bytes < 0 {
		return "", errTooLarge
	}
	return string(b[:len(b)-2]), nil
}

// length reads the length of a bulk string or array; -1 is null.
func length(line string) (int, error) {
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil || n < -1 {
		return 0, fmt.Errorf("%s is no length", clip(line))
	}
	if n > maxReply {
		return 0, errTooLarge
	}
	return int(n), nil
}

func (r *reader) bulk(line string) (reply, error) {
	n, err := length(line)
	if err != nil {
		return reply{}, err
	}
	if n < 0 {
		return reply{kind: bulk, null: true}, nil
	}
	if r.bytes -= n + 2; n > maxBulk || r.bytes < 0 {
		return reply{}, errTooLarge
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r.src, b); err != nil {
		return reply{}, cutShort(err)
	}
	if string(b[n:]) != "\r\n" {
		return reply{}, errors.New("a bulk string does not end with CR LF")
	}
	return reply{kind: bulk, text: string(b[:n])}, nil
}

func (r *reader) array(line string, depth int) (reply, error) {
	n, err := length(line)
	if err != nil {
		return reply{}, err
	}
	if n < 0 {
		return reply{kind: array, null: true}, nil
	}
	if n > r.items || depth == maxDepth {
		return reply{}, errTooLarge
	}
	v := reply{kind: array}
	for range n {
		item, err := r.value(depth + 1)
		if err != nil {
			return reply{}, cutShort(err)
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

// cutShort tells the end of a stream between two replies from one within.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// command is the words of a command.
type command []string

// appendTo appends the command as RESP.
func (c command) appendTo(b []byte) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(c)), 10)
	b = append(b, "\r\n"...)
	for _, word := range c {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(word)), 10)
		b = append(b, "\r\n"...)
		b = append(b, word...)
		b = append(b, "\r\n"...)
	}
	return b
}
