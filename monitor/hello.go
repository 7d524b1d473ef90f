package monitor

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/gosentinel/sentinel/internal/valid"
)

// Hello is one hello message (state-machine.md §3, Hello messages): the
// identity of its sender and its view of one master.
type Hello struct {
	IP           string // where the sender can be reached
	Port         int
	RunID        RunID
	CurrentEpoch Epoch
	MasterName   string
	MasterIP     string
	MasterPort   int
	ConfigEpoch  Epoch
}

// HelloChannel is the channel on which Sentinels announce themselves and their
// view of a master (wire.md §7, Hello messages).
const HelloChannel = "__sentinel__:hello"

// MaxHelloLen is the longest hello, in bytes, that [ParseHello] looks at. Stock
// Sentinels cannot send more than 1070.
const MaxHelloLen = 2048

// helloFields is the number of comma-separated fields of a hello.
const helloFields = 8

// AppendHello appends the payload of a hello message to dst. The fields are
// written as they are: a host or master name that contains a comma makes a
// message that every receiver ignores, which is why the file warns of such names.
func AppendHello(dst []byte, h Hello) []byte {
	dst = append(append(dst, h.IP...), ',')
	dst = append(strconv.AppendInt(dst, int64(h.Port), 10), ',')
	dst = append(append(dst, h.RunID...), ',')
	dst = append(strconv.AppendUint(dst, uint64(h.CurrentEpoch), 10), ',')
	dst = append(append(dst, h.MasterName...), ',')
	dst = append(append(dst, h.MasterIP...), ',')
	dst = append(strconv.AppendInt(dst, int64(h.MasterPort), 10), ',')
	return strconv.AppendUint(dst, uint64(h.ConfigEpoch), 10)
}

// ParseHello reads the payload of a hello message. What it accepts,
// [AppendHello] turns back into the same bytes.
//
// Any client that may PUBLISH on a monitored server can send one. Stock
// Sentinels read junk as 0 and "-1" as 2^64-1, which ends all elections. So
// every field is checked: eight fields; ports 1 to 65535; epochs that fit 64
// bits, in plain decimal; hosts, id and name by the rules that hold everywhere,
// so that what is learned here can be told and saved. The core decides whether an
// epoch is plausible, whether the master is known, and whether anybody can connect
// to an address.
//
// The error names the offending field. The result shares no memory with b.
func ParseHello(b []byte) (Hello, error) {
	if len(b) > MaxHelloLen {
		return Hello{}, fmt.Errorf("it has %d bytes, which is longer than %d", len(b), MaxHelloLen)
	}
	if n := bytes.Count(b, []byte(",")) + 1; n != helloFields {
		return Hello{}, fmt.Errorf("%.60q has %d fields, want %d", b, n, helloFields)
	}
	p := helloParser{rest: b}
	h := Hello{
		IP:           p.text("sender address", valid.Host),
		Port:         p.port("sender port"),
		RunID:        RunID(p.text("sender id", valid.ID)),
		CurrentEpoch: p.epoch("current epoch"),
		MasterName:   p.text("master name", valid.ToldName),
		MasterIP:     p.text("master address", valid.Host),
		MasterPort:   p.port("master port"),
		ConfigEpoch:  p.epoch("config epoch"),
	}
	if p.err != nil {
		return Hello{}, p.err
	}
	return h, nil
}

// helloParser takes fields off the front of rest and keeps the first error.
type helloParser struct {
	rest []byte
	err  error
}

func (p *helloParser) next() []byte {
	field, rest, _ := bytes.Cut(p.rest, []byte(","))
	p.rest = rest
	return field
}

func (p *helloParser) fail(field, problem string, value []byte) {
	if p.err == nil {
		p.err = fmt.Errorf("%s %.80q: %s", field, value, problem)
	}
}

// text reads a field that is what rule demands.
func (p *helloParser) text(field string, rule func(string) error) string {
	b := p.next()
	text := string(b)
	if err := rule(text); err != nil {
		p.fail(field, err.Error(), b)
	}
	return text
}

func (p *helloParser) port(field string) int {
	b := p.next()
	n, err := parseCanonicalUint(b, 16)
	if err != nil || n == 0 {
		p.fail(field, "it is not a number from 1 to 65535", b)
	}
	return int(n)
}

func (p *helloParser) epoch(field string) Epoch {
	b := p.next()
	n, err := parseCanonicalUint(b, 64)
	if err != nil {
		p.fail(field, "it is not an unsigned 64 bit number", b)
	}
	return Epoch(n)
}

var errLeadingZero = errors.New("leading zero")

// parseCanonicalUint reads decimal digits without sign and without leading zeros.
func parseCanonicalUint(b []byte, bits int) (uint64, error) {
	if len(b) > 1 && b[0] == '0' {
		return 0, errLeadingZero
	}
	return strconv.ParseUint(string(b), 10, bits)
}
