package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Value is a reply of RESP2 or RESP3. The kinds '*', '~', '>' and '%' have items, and become
// '*'; a map has its keys and values in turn. All others have text, and a null has neither.
type Value struct {
	Kind  byte // the first byte of the reply
	Text  string
	Items []Value
}

// Failed reports whether the reply is an error.
func (v Value) Failed() bool { return v.Kind == '-' || v.Kind == '!' }

// Words returns the texts of the items.
func (v Value) Words() (list []string) {
	for _, i := range v.Items {
		list = append(list, i.Text)
	}
	return list
}

// Limits bound a whole reply.
type Limits struct {
	Bytes int
	Items int // values, those within others too
}

// maxDepth is how deep values may be nested.
const maxDepth = 16

// ErrTooLarge says that a reply is beyond its limits, and ErrNoRedis that there is none.
var (
	ErrTooLarge = errors.New("its reply is too large")
	ErrNoRedis  = errors.New("it does not answer as a Redis server")
)

// Read reads a reply. A line of it fits into the buffer of rd. After an error the stream is
// of no use.
func Read(rd *bufio.Reader, l Limits) (Value, error) { return l.read(rd, 0) }

func (l *Limits) read(rd *bufio.Reader, depth int) (Value, error) {
	if l.Items--; l.Items < 0 || depth > maxDepth {
		return Value{}, ErrTooLarge
	}
	line, err := rd.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = ErrTooLarge
		}
		return Value{}, err
	}
	if l.Bytes -= len(line); l.Bytes < 0 {
		return Value{}, ErrTooLarge
	}
	if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
		return Value{}, ErrNoRedis
	}
	v := Value{Kind: line[0], Text: string(line[1:])}
	switch v.Kind {
	case '+', '-', ':', '_', '#', ',', '(':
		return v, nil
	case '$', '=', '!', '*', '~', '>', '%':
	default:
		return Value{}, ErrNoRedis
	}
	n, err := strconv.Atoi(v.Text)
	if err != nil || n < -1 {
		return Value{}, ErrNoRedis
	}
	v.Text = ""
	switch v.Kind {
	case '$', '=', '!':
		err = l.bulk(rd, n, &v)
	case '%':
		err = l.list(rd, n, 2, &v, depth)
	default:
		err = l.list(rd, n, 1, &v, depth)
	}
	return v, err
}

func (l *Limits) bulk(rd *bufio.Reader, n int, v *Value) error {
	if n < 0 {
		return nil
	}
	if l.Bytes -= n; l.Bytes < 0 {
		return ErrTooLarge
	}
	var b strings.Builder // grows with what arrives, whatever was announced
	if _, err := io.CopyN(&b, rd, int64(n)+2); err != nil {
		return err
	}
	v.Text = b.String()[:n]
	return nil
}

// list reads n members, each of so many values.
func (l *Limits) list(rd *bufio.Reader, n, each int, v *Value, depth int) error {
	v.Kind = '*'
	if n > l.Items/each {
		return ErrTooLarge
	}
	for range n * each {
		item, err := l.read(rd, depth+1)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
	}
	return nil
}

// AppendCommand appends a command to b.
func AppendCommand[T string | []byte](b []byte, words ...T) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(words)), 10)
	b = append(b, "\r\n"...)
	for _, w := range words {
		b = AppendBulk(b, w)
	}
	return b
}

// AppendBulk appends a bulk string to b.
func AppendBulk[T string | []byte](b []byte, s T) []byte {
	b = append(b, '$')
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, "\r\n"...)
	b = append(b, s...)
	return append(b, "\r\n"...)
}

// Login returns the words of AUTH; nil where there is no password.
func Login(user, password string) []string {
	switch {
	case password == "":
		return nil
	case user == "":
		return []string{"AUTH", password}
	}
	return []string{"AUTH", user, password}
}

// LoginIsNeedless reports whether AUTH was refused only because the server has no password,
// as while passwords are being introduced, one machine at a time.
func (v Value) LoginIsNeedless() bool {
	return strings.Contains(v.Text, "without any password configured") || strings.Contains(v.Text, "no password is set")
}
