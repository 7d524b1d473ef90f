package monitor

import (
	"fmt"
	"strings"
	"testing"
)

const (
	replidA = "a000000000000000000000000000000000000001"
	replidB = "b000000000000000000000000000000000000002"
)

// observed is a core that monitors one master, which has answered INFO with the
// first text; the others are the answers of its replicas.
func observed(t *testing.T, master string, replicas ...string) (*Core, *master) {
	t.Helper()
	c, err := New(origin, Params{State: oneMaster()})
	if err != nil {
		t.Fatal(err)
	}
	m := c.masters[0]
	for k := range replicas {
		addr, _ := IPAddr(fmt.Sprintf("10.0.0.%d", k+2), 6379)
		c.addReplica(origin, m, addr, nil)
	}
	c.Step(origin, Tick{})
	told := func(i *instance, text string) {
		c.Step(origin, LinkUp{Conn: i.link.cmd.id, LocalIP: "10.0.2.1"})
		c.Step(origin, InfoReply{Conn: i.link.cmd.id, Token: Token{Instance: i.id}, Info: ParseInfo([]byte(text))})
	}
	told(&m.instance, master)
	for k, text := range replicas {
		told(&m.replicas[k].instance, text)
	}
	return c, m
}

// masterInfo and replicaInfo are replies to INFO, with the lines in more last.
func masterInfo(more ...string) string {
	return strings.Join(append([]string{"role:master", "master_replid:" + replidA, "master_repl_offset:1000"}, more...), "\n") + "\n"
}

func listed(k int, state string) string {
	return fmt.Sprintf("slave%d:ip=10.0.0.%d,port=6379,state=%s,offset=1000,lag=0", k, k+2, state)
}

func replicaInfo(more ...string) string {
	return strings.Join(append([]string{
		"role:slave", "master_host:10.0.0.1", "master_port:6379", "master_link_status:up", "master_sync_in_progress:0",
		"slave_repl_offset:1000", "slave_priority:100", "slave_read_only:1", "master_replid:" + replidA,
	}, more...), "\n") + "\n"
}

var unsynchronised = []string{
	"master_link_status:down", "master_link_down_since_seconds:-1", "slave_repl_offset:0", "master_replid:" + replidB,
}

func TestPlannedChoice(t *testing.T) {
	filling := append([]string{"master_sync_in_progress:1"}, unsynchronised...)
	for _, c := range []struct {
		what     string
		master   string
		replicas []string
		named    int    // counts from 1
		want     int    // counts from 1; 0: none
		wait     bool   // for want 0
		why      string // a part of it
	}{
		{what: "none", master: masterInfo(), why: "no replica is known"},
		{what: "the further one", master: masterInfo(listed(0, "online"), listed(1, "online")),
			replicas: []string{replicaInfo(), replicaInfo("slave_repl_offset:1001")}, want: 2},
		{what: "the better priority", master: masterInfo(listed(0, "online"), listed(1, "online")),
			replicas: []string{replicaInfo("slave_priority:1"), replicaInfo("slave_repl_offset:1001")}, want: 1},
		{what: "the named one", master: masterInfo(listed(0, "online"), listed(1, "online")),
			replicas: []string{replicaInfo("slave_priority:0"), replicaInfo()}, named: 1, want: 1},
		{what: "priority 0", master: masterInfo(listed(0, "online")), replicas: []string{replicaInfo("slave_priority:0")},
			why: "10.0.0.2:6379: its replica-priority is 0"},
		{what: "not the empty one", master: masterInfo(listed(0, "wait_bgsave"), listed(1, "online")),
			replicas: []string{replicaInfo(append(filling, "slave_priority:1")...), replicaInfo()}, want: 2},
		{what: "the first resynchronisation", master: masterInfo(listed(0, "send_bulk")), replicas: []string{replicaInfo(filling...)},
			wait: true, why: "10.0.0.2:6379: it is being synchronised"},
		{what: "the master waits before it begins", master: masterInfo(listed(0, "wait_bgsave")), replicas: []string{replicaInfo(unsynchronised...)},
			wait: true, why: "10.0.0.2:6379: it is being synchronised"},
		{what: "a named one that is not in sync beside one that is", master: masterInfo(listed(0, "online"), listed(1, "online")),
			replicas: []string{replicaInfo(), replicaInfo("master_link_status:down", "master_link_down_since_seconds:3")}, named: 2,
			why: "10.0.0.3:6379: its link to the master is down"},
		{what: "the master is loading", master: masterInfo("loading:1"), replicas: []string{replicaInfo("master_link_status:down", "master_link_down_since_seconds:3")},
			why: "the master is loading its data, and no replica can be in sync with it before it has (10.0.0.2:6379: its link to the master is down)"},
		{what: "another history", master: masterInfo(listed(0, "online")), replicas: []string{replicaInfo("master_replid:" + replidB)},
			why: "replication id " + replidB + ", the master " + replidA},
		{what: "many", master: masterInfo(), replicas: []string{replicaInfo("role:master"), replicaInfo("role:master"), replicaInfo("role:master"),
			replicaInfo("role:master"), replicaInfo("role:master"), replicaInfo("role:master")}, why: "it says that it is a master; and 2 more"},
	} {
		core, m := observed(t, c.master, c.replicas...)
		var named *replica
		if c.named > 0 {
			named = m.replicas[c.named-1]
		}
		r, wait, why := core.plannedChoice(origin, m, named)
		got := 0
		for k := range m.replicas {
			if m.replicas[k] == r {
				got = k + 1
			}
		}
		if got != c.want || wait != c.wait || !strings.Contains(why, c.why) || (why == "") != (got > 0) {
			t.Errorf("%s: replica %d, wait %t, %q, want %d, %t, %q", c.what, got, wait, why, c.want, c.wait, c.why)
		}
	}
}

// TestForceReplacesSwitchover: an operator's FORCE takes the place of a switchover
// that waits, and is told of as his also where a program asked for that.
func TestForceReplacesSwitchover(t *testing.T) {
	filling := replicaInfo(append([]string{"master_sync_in_progress:1"}, unsynchronised...)...)
	c, m := observed(t, masterInfo(listed(0, "send_bulk")), filling)
	now := origin
	order := func(op FailoverOp) {
		op.Name = m.cfg.Name
		now = now.Add(newInfo + 1)
		c.Step(now, Call{Op: op})
		c.Step(now, InfoReply{Conn: m.link.cmd.id, Token: Token{Instance: m.id}, Info: ParseInfo([]byte(masterInfo(listed(0, "send_bulk"))))})
		c.Step(now, InfoReply{Conn: m.replicas[0].link.cmd.id, Token: Token{Instance: m.replicas[0].id}, Info: ParseInfo([]byte(filling))})
	}
	order(FailoverOp{Program: true})
	if m.switchover.stage != preparing || !m.byProgram {
		t.Fatalf("stage %d, by a program %t", m.switchover.stage, m.byProgram)
	}
	order(FailoverOp{Mode: FailoverForced, To: HostPort{Host: "10.0.0.9", Port: 1}})
	if m.switchover.stage != preparing || !m.byProgram {
		t.Fatalf("after a FORCE that is refused: stage %d, by a program %t", m.switchover.stage, m.byProgram)
	}
	order(FailoverOp{Mode: FailoverForced})
	if m.switchover.active() || !m.attempt.InProgress() || m.byProgram {
		t.Errorf("after FORCE: stage %d, %v, by a program %t", m.switchover.stage, m.attempt.Phase(), m.byProgram)
	}
}

// TestForceOfALoadingMaster: it takes no writes, and there is nothing to be had without
// FORCE before it has loaded.
func TestForceOfALoadingMaster(t *testing.T) {
	for _, c := range []struct {
		master string
		serves bool
	}{{masterInfo(listed(0, "online")), true}, {masterInfo("loading:1"), false}} {
		core, m := observed(t, c.master, replicaInfo())
		text, err := core.orderFailover(origin, m, FailoverOp{Name: m.cfg.Name, Mode: FailoverForced})
		if err != nil || strings.Contains(text, "The master serves") != c.serves {
			t.Errorf("%q: %q, %v, want a word about clients: %t", c.master, text, err, c.serves)
		}
	}
}
