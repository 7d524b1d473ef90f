package server

import (
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// reply builds the reply to a command in the client's protocol version. mapping,
// set, double, null, nullArray and verbatim differ between RESP2 and RESP3
// (wire.md §1.4, RESP2 / RESP3 mapping); everything else is the same.
type reply struct {
	buf   []byte
	resp3 bool
}

// simple appends a simple string; text must have no CR or LF.
func (r *reply) simple(text string) { r.line('+', text) }

func (r *reply) ok() { r.simple("OK") }

// fail appends an error: code is its first word, text the rest. text may quote
// the client's input, in which a CR or LF would allow the client to forge a
// reply, so these are replaced.
func (r *reply) fail(code, text string) {
	r.line('-', code+" "+oneLine(text))
}

// stopping appends the error for an engine that is stopping.
func (r *reply) stopping() { r.fail("ERR", "this Sentinel is shutting down") }

func oneLine(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(strings.Trim(text, "\r\n"))
}

// error appends the error of a core operation.
func (r *reply) error(err error) {
	if call, ok := err.(*monitor.CallError); ok {
		r.fail(call.Code, call.Text)
		return
	}
	r.fail("ERR", err.Error())
}

func (r *reply) integer(n int64) { r.header(':', n) }

// double appends a number in its shortest decimal form.
func (r *reply) double(x float64) {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if r.resp3 {
		r.line(',', text)
	} else {
		r.bulk(text)
	}
}

func (r *reply) bulk(s string) {
	r.header('$', int64(len(s)))
	r.buf = append(append(r.buf, s...), '\r', '\n')
}

func (r *reply) bulkBytes(b []byte) {
	r.header('$', int64(len(b)))
	r.buf = append(append(r.buf, b...), '\r', '\n')
}

func (r *reply) array(n int) { r.header('*', int64(n)) }

func (r *reply) bulks(list []string) {
	r.array(len(list))
	for _, s := range list {
		r.bulk(s)
	}
}

// simples appends an array of simple strings.
func (r *reply) simples(list []string) {
	r.array(len(list))
	for _, s := range list {
		r.simple(s)
	}
}

// mapping starts a map of n pairs.
func (r *reply) mapping(n int) {
	if r.resp3 {
		r.header('%', int64(n))
	} else {
		r.header('*', 2*int64(n))
	}
}

// set starts a set of n members.
func (r *reply) set(n int) {
	if r.resp3 {
		r.header('~', int64(n))
	} else {
		r.header('*', int64(n))
	}
}

func (r *reply) null() { r.either("$-1\r\n") }

func (r *reply) nullArray() { r.either("*-1\r\n") }

func (r *reply) either(resp2 string) {
	if r.resp3 {
		resp2 = "_\r\n"
	}
	r.buf = append(r.buf, resp2...)
}

// verbatim appends plain text for people to read.
func (r *reply) verbatim(text string) {
	if !r.resp3 {
		r.bulk(text)
		return
	}
	r.header('=', int64(len(text)+4))
	r.buf = append(append(append(r.buf, "txt:"...), text...), '\r', '\n')
}

func (r *reply) header(mark byte, n int64) {
	r.buf = strconv.AppendInt(append(r.buf, mark), n, 10)
	r.buf = append(r.buf, '\r', '\n')
}

func (r *reply) line(mark byte, text string) {
	r.buf = append(append(append(r.buf, mark), text...), '\r', '\n')
}

// fields collects the pairs of an instance map, because their number is known
// only at the end.
type fields struct{ pairs []string }

func (f *fields) text(name, value string) { f.pairs = append(f.pairs, name, value) }

func (f *fields) num(name string, n int64) { f.text(name, strconv.FormatInt(n, 10)) }

func (f *fields) uint(name string, n uint64) { f.text(name, strconv.FormatUint(n, 10)) }

// textIf adds the pair unless value is empty.
func (f *fields) textIf(name, value string) {
	if value != "" {
		f.text(name, value)
	}
}

func (r *reply) fields(f *fields) {
	r.mapping(len(f.pairs) / 2)
	for _, s := range f.pairs {
		r.bulk(s)
	}
}
