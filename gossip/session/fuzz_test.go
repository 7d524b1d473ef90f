package session

import (
	"reflect"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// seedPackets are packets of every kind.
func seedPackets() [][]byte {
	h := appendHeader(nil, idOf('a'), 1, 2)
	o := appendItem(h[:len(h):len(h)], item{kind: kindOpinion, seq: 5, master: "m", addr: addr, configEpoch: 3, down: true, age: 1500 * time.Millisecond})
	c := appendItem(o[:len(o):len(o)], item{kind: kindConfig, seq: 6, master: "mymaster", addr: addr, configEpoch: 1 << 40, currentEpoch: 1<<64 - 1})
	a := appendAcks(c[:len(c):len(c)], []uint64{9, 3, 1 << 60})
	probe := appendItem(appendHeader(nil, idOf('a'), 1, 0), item{kind: kindProbe, seq: 1})
	return [][]byte{nil, h, o, c, a, probe, {2}, {1}}
}

// FuzzDecode: whatever is decoded means the same after it was encoded again.
func FuzzDecode(f *testing.F) {
	for _, b := range seedPackets() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(b)
		if err != nil {
			if !reflect.DeepEqual(p, packet{}) && p.boot != 0 {
				t.Errorf("an error and a packet: %+v", p)
			}
			return
		}
		out := appendHeader(nil, p.from, p.boot, p.to)
		for _, it := range p.items {
			if len(out)+len(appendItem(nil, it)) > len(out)+it.maxSize() {
				t.Errorf("%+v takes more than %d bytes", it, it.maxSize())
			}
			out = appendItem(out, it)
		}
		if len(p.acks) > 0 {
			out = appendAcks(out, append([]uint64(nil), p.acks...))
		}
		again, err := decode(out)
		if len(p.acks) > 0 {
			// Several lists of confirmations become one, sorted.
			again.acks, p.acks = nil, nil
		}
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}

// FuzzReceive: whatever a known peer sends, the session keeps its bounds, says
// only what the peer may say, and goes on working.
func FuzzReceive(f *testing.F) {
	for _, b := range seedPackets() {
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := New(Config{idOf('b'), 2})
		s.Peer(1, idOf('a'), 1)
		s.ShareOpinion(1, down("m", 1))
		s.Poll(1, func(Target, []byte) {})
		now := monitor.Instant(2)
		for _, b := range [][]byte{first, second, first} {
			inputs, err := s.Receive(now, b)
			if err != nil && inputs != nil {
				t.Error("a refused packet told something")
			}
			for _, in := range inputs {
				switch in := in.(type) {
				case monitor.PeerOpinion:
					if in.From != idOf('a') || in.Age < 0 || !validName(in.Master) || !validAddr(in.Addr) {
						t.Errorf("%+v", in)
					}
				case monitor.PeerConfig:
					if in.Hello.RunID != idOf('a') || !validName(in.Hello.MasterName) {
						t.Errorf("%+v", in)
					}
				default:
					t.Errorf("%T", in)
				}
			}
			packets := 0
			next := s.Poll(now, func(_ Target, b []byte) {
				packets++
				if _, err := decode(b); err != nil {
					t.Errorf("sent a packet that nobody can read: %v", err)
				}
			})
			if next <= now || packets > burst {
				t.Errorf("at %d: %d packets, next at %d", now, packets, next)
			}
			now = max(now+1, min(next, now.Add(time.Second)))
		}
	})
}
