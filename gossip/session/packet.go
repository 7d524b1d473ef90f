package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// version is the first byte of every packet.
const version = 1

// MaxPacket is the size of the largest packet in bytes. With all headers below
// it fits the 1280 bytes that every IPv6 path carries in one piece.
const MaxPacket = 1150

// headerSize is what stands before the items of a packet.
const headerSize = 1 + idSize + 8 + 8

const (
	idSize  = 40  // of a run id
	maxText = 255 // of a master name or host, in bytes
	maxAcks = 256 // of one packet
)

// Boot identifies one run of a process: a random number that is not 0.
type Boot uint64

// ParseBoot reads what [Boot.String] wrote. It reports false for anything else.
func ParseBoot(text string) (Boot, bool) {
	var b Boot
	if len(text) != 16 {
		return 0, false
	}
	for _, c := range []byte(text) {
		digit := strings.IndexByte("0123456789abcdef", c)
		if digit < 0 {
			return 0, false
		}
		b = b<<4 | Boot(digit)
	}
	return b, b != 0
}

// String returns 16 hexadecimal digits.
func (b Boot) String() string { return fmt.Sprintf("%016x", uint64(b)) }

// kind is the type of an item.
type kind uint8

const (
	kindOpinion kind = 1 + iota
	kindConfig
	kindProbe
	kindAcks
)

// item is one statement in a packet. master is set for opinions and configs.
type item struct {
	kind        kind
	seq         uint64
	master      string
	addr        monitor.HostPort // of the master
	configEpoch monitor.Epoch

	down bool          // of an opinion
	age  time.Duration // of an opinion, in whole milliseconds

	currentEpoch monitor.Epoch // of a config
}

// packet is a decoded packet.
type packet struct {
	from  monitor.RunID
	boot  Boot
	to    Boot
	items []item
	acks  []uint64
}

func appendHeader(b []byte, from monitor.RunID, life, to Boot) []byte {
	b = append(append(b, version), from...)
	b = binary.BigEndian.AppendUint64(b, uint64(life))
	return binary.BigEndian.AppendUint64(b, uint64(to))
}

func appendItem(b []byte, it item) []byte {
	b = append(b, byte(it.kind))
	b = binary.AppendUvarint(b, it.seq)
	switch it.kind {
	case kindOpinion:
		down := byte(0)
		if it.down {
			down = 1
		}
		b = append(b, down)
		b = binary.AppendUvarint(b, uint64(max(it.age, 0)/time.Millisecond))
		b = binary.AppendUvarint(b, uint64(it.configEpoch))
		b = appendText(b, it.master)
		b = appendAddr(b, it.addr)
	case kindConfig:
		b = binary.AppendUvarint(b, uint64(it.currentEpoch))
		b = appendText(b, it.master)
		b = appendAddr(b, it.addr)
		b = binary.AppendUvarint(b, uint64(it.configEpoch))
	}
	return b
}

// maxSize is an upper bound of the bytes that an item takes.
func (it item) maxSize() int {
	return 1 + 4*binary.MaxVarintLen64 + 1 + 2 + 2 + len(it.master) + 2 + len(it.addr.Host)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendAddr(b []byte, a monitor.HostPort) []byte {
	return binary.BigEndian.AppendUint16(appendText(b, a.Host), uint16(a.Port))
}

// appendAcks appends confirmations of the given sequence numbers, which it sorts.
func appendAcks(b []byte, acks []uint64) []byte {
	slices.Sort(acks)
	acks = slices.Compact(acks)
	b = append(b, byte(kindAcks))
	b = binary.AppendUvarint(b, uint64(len(acks)))
	last := uint64(0)
	for _, seq := range acks {
		b = binary.AppendUvarint(b, seq-last)
		last = seq
	}
	return b
}

var errMalformed = errors.New("it is not a packet of this protocol")

// decode reads a packet. What it accepts can be encoded again to a packet of
// the same meaning. The result shares no memory with b.
func decode(b []byte) (packet, error) {
	var p packet
	if len(b) > MaxPacket {
		return p, fmt.Errorf("%w: %d bytes, at most %d are accepted", errOversized, len(b), MaxPacket)
	}
	if len(b) > 0 && b[0] != version {
		return p, fmt.Errorf("%w %d, this one speaks %d", errVersion, b[0], version)
	}
	if len(b) < headerSize {
		return p, errMalformed
	}
	p.from = monitor.RunID(b[1 : 1+idSize])
	p.boot = Boot(binary.BigEndian.Uint64(b[1+idSize:]))
	p.to = Boot(binary.BigEndian.Uint64(b[1+idSize+8:]))
	r := reader{rest: b[headerSize:]}
	for len(r.rest) > 0 && !r.bad {
		r.item(&p)
	}
	if r.bad || p.boot == 0 {
		return packet{}, errMalformed
	}
	return p, nil
}

// reader takes values off the front of rest. Once bad, it returns zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) item(p *packet) {
	it := item{kind: kind(r.byte())}
	if it.kind == kindAcks {
		r.acks(p)
		return
	}
	it.seq = r.varint()
	switch it.kind {
	case kindOpinion:
		down := r.byte()
		r.bad = r.bad || down > 1
		it.down = down == 1
		it.age = r.millis()
		it.configEpoch = monitor.Epoch(r.varint())
		it.master = r.name()
		it.addr = r.addr()
	case kindConfig:
		it.currentEpoch = monitor.Epoch(r.varint())
		it.master = r.name()
		it.addr = r.addr()
		it.configEpoch = monitor.Epoch(r.varint())
	case kindProbe:
	default:
		r.bad = true
	}
	r.bad = r.bad || it.seq == 0
	p.items = append(p.items, it)
}

func (r *reader) acks(p *packet) {
	n := r.varint()
	if n == 0 || n > maxAcks {
		r.bad = true
		return
	}
	seq := uint64(0)
	for range n {
		step := r.varint()
		if r.bad || step == 0 || step > math.MaxUint64-seq {
			r.bad = true
			return
		}
		seq += step
		p.acks = append(p.acks, seq)
	}
	r.bad = r.bad || len(p.acks) > maxAcks
}

func (r *reader) byte() byte {
	if r.bad || len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

func (r *reader) varint() uint64 {
	if r.bad {
		return 0
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) millis() time.Duration {
	n := r.varint()
	if n > math.MaxInt64/uint64(time.Millisecond) {
		r.bad = true
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

func (r *reader) text() string {
	n := r.varint()
	if r.bad || n == 0 || n > maxText || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}

// name reads a master name. It is only compared with known names.
func (r *reader) name() string {
	text := r.text()
	r.bad = r.bad || !validName(text)
	return text
}

// addr reads an address. Its host ends up in files and events, where it must be
// one plain word.
func (r *reader) addr() monitor.HostPort {
	a := monitor.HostPort{Host: r.text()}
	if r.bad || len(r.rest) < 2 {
		r.bad = true
		return monitor.HostPort{}
	}
	a.Port = int(binary.BigEndian.Uint16(r.rest))
	r.rest = r.rest[2:]
	r.bad = r.bad || !validAddr(a)
	return a
}

func validName(text string) bool { return len(text) <= maxText && valid.ToldName(text) == nil }

func validAddr(a monitor.HostPort) bool {
	return a.Port > 0 && a.Port <= math.MaxUint16 && valid.Host(a.Host) == nil
}
