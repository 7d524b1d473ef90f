package monitor

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkStep is the most frequent work of the core: a PING of one of a thousand
// masters, and its reply.
func BenchmarkStep(b *testing.B) {
	st := State{Options: Options{MyID: RunID(strings.Repeat("a1", 20))}}
	for i := range 1000 {
		ip := fmt.Sprintf("10.0.%d.%d", i>>8, i&255)
		st.Masters = append(st.Masters, &MasterState{MasterConfig: MasterConfig{
			Name: fmt.Sprintf("m%d", i), Addr: Addr{Host: ip, IP: ip, Port: 6379}, Quorum: 2,
		}.WithDefaults()})
	}
	c, err := New(1, Params{State: st})
	if err != nil {
		b.Fatal(err)
	}
	var out Effects
	now := Instant(1)
	drain := func() (pings []ConnID) {
		c.Drain(&out)
		for _, e := range out.Free {
			switch e := e.(type) {
			case Dial:
				c.Step(now, LinkUp{Conn: e.Conn})
			case Send:
				if _, ok := e.Cmd.(Ping); ok {
					pings = append(pings, e.Conn)
				}
			}
		}
		return pings
	}
	steps := 0
	b.ReportAllocs()
	b.ResetTimer()
	for steps < b.N {
		now = max(now, c.NextDeadline())
		c.Step(now, Tick{})
		for _, conn := range drain() {
			c.Step(now, Pong{Conn: conn})
			steps++
		}
	}
}

// BenchmarkParseInfo reads a reply to INFO as a replica gives it.
func BenchmarkParseInfo(b *testing.B) {
	text := infoFile(b, "replica.txt")
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if ParseInfo(text).Role != RoleReplica {
			b.Fatal("not a replica")
		}
	}
}

// BenchmarkHello writes a hello and reads it.
func BenchmarkHello(b *testing.B) {
	h := Hello{
		IP: "10.0.0.9", Port: 26379, RunID: RunID(strings.Repeat("c3", 20)), CurrentEpoch: 7,
		MasterName: "m1", MasterIP: "10.0.0.1", MasterPort: 6379, ConfigEpoch: 5,
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendHello(buf[:0], h)
		if _, err := ParseHello(buf); err != nil {
			b.Fatal(err)
		}
	}
}
