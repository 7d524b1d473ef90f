package monitor

import (
	"strings"
	"testing"
)

// TestLoopbackOnThisHost: where all servers run on the host of this Sentinel, some
// may be known by its address and others by a loopback address, and they reach each
// other. Whoever is reached by its address here, and not from it, is elsewhere.
func TestLoopbackOnThisHost(t *testing.T) {
	for local, want := range map[string]bool{"10.0.0.9": true, "10.0.0.1": false} {
		s := oneMaster()
		s.Masters[0].Addr, _ = IPAddr("127.0.0.1", 6379)
		at, _ := IPAddr("10.0.0.9", 6380)
		s.Masters[0].Replicas = []Addr{at}
		c, err := New(origin, Params{State: s})
		if err != nil {
			t.Fatal(err)
		}
		m := c.masters[0]
		for k, i := range []*instance{&m.instance, &m.replicas[0].instance} {
			c.Step(origin+1, LinkUp{Conn: i.link.cmd.id, LocalIP: local, RemoteIP: i.addr.IP})
			info := ParseInfo([]byte("run_id:" + strings.Repeat(string(rune('a'+k)), 40) + "\r\nrole:master\r\n"))
			c.Step(origin+2, InfoReply{Conn: i.link.cmd.id, Token: Token{Instance: i.id}, Info: info})
		}
		if ok, never := c.mayFollow(origin+3, &m.replicas[0].instance, m.addr); ok != want || never == want {
			t.Errorf("reached from %s: may follow %t, never %t", local, ok, never)
		}
	}
}
