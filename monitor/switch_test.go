package monitor

import "testing"

// TestSwitchByAnother: of a master that another Sentinel tells of, it is not known yet
// which replicas it has, nor which histories it has left.
func TestSwitchByAnother(t *testing.T) {
	c := newCore(t, manyMasters(1))
	m := c.masters[0]
	if m.left.add(replidB); !m.hasListed || !m.left.has(replidB) {
		t.Fatal("its replicas and its history should be known")
	}
	c.adoptConfig(origin, m, &Hello{RunID: paddedID("p1"), MasterName: m.cfg.Name, MasterIP: "10.1.0.0", MasterPort: 6379, ConfigEpoch: 3})
	if m.configEpoch != 3 || m.hasListed || m.left.has(replidB) {
		t.Errorf("config epoch %d, replicas listed %t, history left %t", m.configEpoch, m.hasListed, m.left.has(replidB))
	}
}

// TestFollowsNobody: a switchover leaves a server as a replica of nobody, and is taken over
// where one is found. A server that follows another at the next address must not be taken
// for that: it would be told again and again to follow whom it follows.
func TestFollowsNobody(t *testing.T) {
	for _, x := range []struct {
		own, host     string
		port, tcpPort int
		want          bool
	}{
		{"10.0.0.2", "10.0.0.1", 6379, 6379, false},
		{"10.0.0.2", "127.0.0.1", 0, 6379, true},
		{"10.0.0.2", "10.0.0.2", 6379, 6379, true},
		{"10.0.0.2", "10.0.0.2", 6380, 6379, false},
		{"10.0.0.2", "127.0.0.1", 6379, 6379, true},
		{"10.0.0.2", "127.0.0.1", 6380, 6379, false},
		{"10.0.0.2", "localhost", 6379, 6379, true},
		{"10.0.0.2", "::1", 6379, 6379, true},
		{"10.0.0.2", "127.0.0.1", 6379, 0, false}, // its own port is not known
		{"127.0.0.3", "127.0.0.2", 6379, 6379, false},
		{"127.0.0.3", "localhost", 6379, 6379, false},
		{"127.0.0.1", "localhost", 6379, 6379, true},
		{"127.0.0.3", "127.0.0.3", 6379, 6379, true},
		{"127.0.0.3", "127.0.0.1", 0, 6379, true},
		{"127.0.0.1", "::1", 6379, 6379, true}, // it listens at both
	} {
		at, _ := IPAddr(x.own, 6379)
		info := &Info{Role: RoleReplica, HasMasterHost: true, HasMasterPort: true, MasterHost: x.host, MasterPort: x.port}
		info.TCPPort = x.tcpPort
		i := instance{addr: at, role: RoleReplica, info: info}
		if got := i.followsNobody(); got != x.want {
			t.Errorf("%s:6379, own port %d, follows %s:%d: nobody is %t, want %t", x.own, x.tcpPort, x.host, x.port, got, x.want)
		}
	}
}
