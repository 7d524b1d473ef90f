package integration

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// cutFor is for how long the master of TestIsolatedMaster is cut off.
const cutFor = 20 * time.Second

// TestIsolatedMaster cuts the master off for a while, together with one Sentinel and the
// clients that it has. Without the fence it takes their writes until the network is whole
// again, and all of them are lost. With it, it takes none when the others may have replaced
// it, and works again after it has come to follow.
func TestIsolatedMaster(t *testing.T) {
	if os.Getenv(insideEnv) == "" {
		t.Parallel()
	}
	if !ownNetwork(t) {
		return
	}
	modes := []string{"off", "on"}
	if testingStock() {
		modes = modes[:1]
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			i := &isolated{env: newEnv(t), wall: newWall(t, "isolated_"+mode), net: map[string]int{"off": 1, "on": 2}[mode]}
			i.play(mode)
		})
	}
}

// isolated is a group in which each Sentinel and each replica connects from an address of
// its own, so that the packet filter can tell the sides apart.
type isolated struct {
	*env
	wall  wall
	net   int // second number of these addresses
	group *cluster.Group
}

func (i *isolated) server(k int) string   { return fmt.Sprintf("127.%d.0.%d", i.net, k+1) }
func (i *isolated) sentinel(k int) string { return fmt.Sprintf("127.%d.1.%d", i.net, k+1) }

func (i *isolated) begin(mode string) {
	i.Helper()
	top := usual
	top.DownAfter = 2 * time.Second
	top.ServerConf = func(k int) []string {
		return []string{"protected-mode no", "bind-source-addr " + i.server(k), "replica-announce-ip 127.0.0.1"}
	}
	top.SentinelConf = []string{"protected-mode no"}
	if !testingStock() {
		top.SentinelConf = append(top.SentinelConf, "sentinel isolation-fence mymaster "+mode)
	}
	top.EachSentinelConf = func(k int) []string {
		return []string{"bind 127.0.0.1 " + i.sentinel(k), "bind-source-addr " + i.sentinel(k), "sentinel announce-ip " + i.sentinel(k)}
	}
	i.group = i.start(top)
}

// cut has nothing pass between the first server and Sentinel and all others.
func (i *isolated) cut() {
	i.Helper()
	servers, sentinels := i.group.Servers, i.group.Sentinels
	var here, there []string
	for k := range servers {
		side := &there
		if k == 0 {
			side = &here
		}
		*side = append(*side, strconv.Itoa(servers[k].Port()), strconv.Itoa(sentinels[k].Port()))
	}
	from := func(k ...int) string {
		var list []string
		for _, k := range k {
			list = append(list, i.server(k), i.sentinel(k))
		}
		return "{ " + strings.Join(list, ", ") + " }"
	}
	for _, way := range []struct{ from, ports string }{
		{from(0), "{ " + strings.Join(there, ", ") + " }"}, {from(1, 2), "{ " + strings.Join(here, ", ") + " }"},
	} {
		i.wall.drop("ip saddr %s tcp dport %s", way.from, way.ports)
		i.wall.drop("ip daddr %s tcp sport %s", way.from, way.ports)
	}
}

func (i *isolated) play(mode string) {
	i.begin(mode)
	old, guard := i.group.Servers[0], i.group.Sentinels[0]
	w := i.writeTo(i.group.Servers)
	i.until("clients to write", func(context.Context) (string, bool) { return fmt.Sprint(w.count()), w.count() > 50 })
	if mode == "on" {
		i.shows(guard, "isolation-promises-bound", "3")
	}
	i.cut()
	began, before := time.Now(), w.count()
	i.until("the others to promote another", func(ctx context.Context) (string, bool) {
		port, err := i.group.Sentinels[1].MasterPort(ctx, i.group.Master)
		return fmt.Sprint(port, err), err == nil && port != old.Port()
	})
	if mode == "on" {
		i.shows(guard, "isolation-fence-reason", "only 1 of 3 Sentinels")
	}
	i.pause(time.Until(began.Add(cutFor)))
	i.wall.open()
	next := i.newMaster(i.group, old)
	i.must(old.WaitReplicaOf(i.ctx, next))
	if mode == "on" {
		i.shows(guard, "isolation-fenced", "0") // its stream waits for the end of a pause too
	}
	acks := w.since(before)
	gone, err := lost(i.ctx, next, acks)
	i.must(err)
	last := time.Duration(0)
	for _, a := range acks {
		if a.server == 0 {
			last = max(last, a.received.Sub(began))
		}
	}
	i.Logf("isolation-fence %s: %d acknowledged writes lost of %d; the old master took the last one %v after the cut", mode, gone, len(acks), last.Round(time.Millisecond))
	switch {
	case mode == "off" && last < cutFor:
		i.Errorf("without the fence the old master took no writes after %v: the test cannot fail", last)
	case mode == "on" && twoMasters(acks) != "":
		i.Error(twoMasters(acks))
	}
}

// shows waits until a Sentinel says that a field of its master begins with text.
func (i *isolated) shows(s *cluster.Sentinel, field, text string) {
	i.Helper()
	i.until(fmt.Sprintf("%s of %s to be %q", field, s.Name(), text), func(ctx context.Context) (string, bool) {
		v, err := s.Do(ctx, "SENTINEL", "MASTER", i.group.Master, "EXTENDED")
		list, _ := v.([]any)
		for k := 0; k+1 < len(list); k += 2 {
			if list[k] == field {
				return fmt.Sprint(list[k+1]), strings.HasPrefix(fmt.Sprint(list[k+1]), text)
			}
		}
		return fmt.Sprint(v, err), false
	})
}
