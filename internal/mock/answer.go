package mock

import (
	"strconv"

	"github.com/tidwall/redcon"
)

// answer is a reply that is being written, in RESP2 or RESP3.
type answer struct {
	b     []byte
	proto int
	push  bool // Pub/Sub in the form of RESP3
}

func (a *answer) ok()             { a.b = redcon.AppendOK(a.b) }
func (a *answer) status(s string) { a.b = redcon.AppendString(a.b, s) }
func (a *answer) fail(s string)   { a.b = redcon.AppendError(a.b, s) }
func (a *answer) integer(n int64) { a.b = redcon.AppendInt(a.b, n) }
func (a *answer) array(n int)     { a.b = redcon.AppendArray(a.b, n) }
func (a *answer) bulk(s string)   { a.b = redcon.AppendBulkString(a.b, s) }
func (a *answer) header(c byte, n int) {
	a.b = append(a.b, c)
	a.b = strconv.AppendInt(a.b, int64(n), 10)
	a.b = append(a.b, "\r\n"...)
}

func (a *answer) bulks(list ...string) {
	for _, s := range list {
		a.bulk(s)
	}
}

// null says that there is no value.
func (a *answer) null() { a.nothing("$-1\r\n") }

// nullArray says that there is no list.
func (a *answer) nullArray() { a.nothing("*-1\r\n") }

func (a *answer) nothing(resp2 string) {
	if a.proto == 3 {
		resp2 = "_\r\n"
	}
	a.b = append(a.b, resp2...)
}

// mapping starts a map of n pairs.
func (a *answer) mapping(n int) {
	if a.proto == 3 {
		a.header('%', n)
		return
	}
	a.array(2 * n)
}

// pairs writes a map of names and values.
func (a *answer) pairs(list []string) {
	a.mapping(len(list) / 2)
	a.bulks(list...)
}

// event starts a frame of Pub/Sub.
func (a *answer) event(n int) {
	if a.push {
		a.header('>', n)
		return
	}
	a.array(n)
}
