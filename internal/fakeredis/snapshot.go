package fakeredis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A snapshot is an RDB file of the simplest form: version 9, one database, plain
// strings (type 0) and plain lists (type 1), no compression, no integer
// encodings, no checksum (eight zero bytes). It is as simple as a format of our
// own would be, and lets a redis-server replicate from a mini-Redis.
const (
	snapshotMagic  = "REDIS0009"
	opSelectDB     = 0xFE
	opEnd          = 0xFF
	typeString     = 0
	typeList       = 1
	snapshotFooter = 8
)

// errSnapshot is wrapped by all errors about a snapshot.
var errSnapshot = errors.New("cannot load the snapshot")

// appendSnapshot encodes the keyspace. Keys are sorted, so equal data have equal
// snapshots.
func appendSnapshot(dst []byte, db *keyspace) []byte {
	dst = slices.Grow(dst, int(db.used)) // the estimate is higher than needed
	dst = append(dst, snapshotMagic...)
	if len(db.keys) > 0 {
		dst = append(dst, opSelectDB, 0)
	}
	for _, key := range slices.Sorted(maps.Keys(db.keys)) {
		v := db.keys[key]
		if !v.isList {
			dst = append(dst, typeString)
			dst = appendSnapshotString(dst, key)
			dst = appendSnapshotString(dst, v.str)
			continue
		}
		dst = append(dst, typeList)
		dst = appendSnapshotString(dst, key)
		dst = appendSnapshotLength(dst, len(v.list))
		for _, e := range v.list {
			dst = appendSnapshotString(dst, e)
		}
	}
	dst = append(dst, opEnd)
	return append(dst, make([]byte, snapshotFooter)...)
}

func appendSnapshotString(dst []byte, s string) []byte {
	return append(appendSnapshotLength(dst, len(s)), s...)
}

func appendSnapshotLength(dst []byte, n int) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, 0x40|byte(n>>8), byte(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0x80), uint32(n))
	}
}

// parseSnapshot is the inverse of appendSnapshot. Anything else that an RDB file
// may contain is an error that names it.
func parseSnapshot(b []byte) (*keyspace, error) {
	d := snapshotDecoder{rest: b}
	if magic := d.take(len(snapshotMagic)); d.err == nil && string(magic) != snapshotMagic {
		return nil, fmt.Errorf("%w: it starts with %q instead of %q; a mini-Redis can only replicate from another mini-Redis", errSnapshot, magic, snapshotMagic)
	}
	db := newKeyspace()
	for d.err == nil {
		switch op := d.byte(); {
		case d.err != nil:
		case op == opSelectDB:
			if n := d.length(); n != 0 && d.err == nil {
				return nil, fmt.Errorf("%w: it uses database %d, a mini-Redis has only database 0", errSnapshot, n)
			}
		case op == typeString:
			key := d.string()
			db.set(key, &value{str: d.string()})
		case op == typeList:
			key := d.string()
			db.set(key, d.list())
		case op == opEnd:
			d.take(snapshotFooter)
			if d.err == nil && len(d.rest) > 0 {
				return nil, fmt.Errorf("%w: %d bytes follow its end", errSnapshot, len(d.rest))
			}
			return db, d.err
		default:
			return nil, fmt.Errorf("%w: it holds an element of type 0x%02X, which only a full Redis understands", errSnapshot, op)
		}
	}
	return nil, d.err
}

// snapshotDecoder reads from rest until the first error.
type snapshotDecoder struct {
	rest []byte
	err  error
}

func (d *snapshotDecoder) take(n int) []byte {
	if d.err == nil && n > len(d.rest) {
		d.err = fmt.Errorf("%w: it is truncated", errSnapshot)
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *snapshotDecoder) byte() byte {
	if b := d.take(1); d.err == nil {
		return b[0]
	}
	return 0
}

func (d *snapshotDecoder) length() int {
	first := d.byte()
	switch {
	case d.err != nil:
		return 0
	case first>>6 == 0:
		return int(first)
	case first>>6 == 1:
		return int(first&0x3F)<<8 | int(d.byte())
	case first == 0x80:
		if b := d.take(4); d.err == nil {
			return int(binary.BigEndian.Uint32(b))
		}
		return 0
	default:
		d.err = fmt.Errorf("%w: it holds an encoded value (0x%02X), which only a full Redis understands", errSnapshot, first)
		return 0
	}
}

func (d *snapshotDecoder) string() string { return string(d.take(d.length())) }

// list reads a list. Memory grows with the elements that are there, not with the
// announced length.
func (d *snapshotDecoder) list() *value {
	v := &value{isList: true}
	for range d.length() {
		if d.err != nil {
			break
		}
		v.list = append(v.list, d.string())
	}
	return v
}
