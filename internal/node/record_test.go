package node

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/monitor"
)

// recorded is a running Sentinel whose core is recorded.
type recorded struct {
	*Node
	text   bytes.Buffer
	cancel context.CancelFunc
	ran    chan error
}

// startRecorded starts a Sentinel that watches a master.
func startRecorded(t *testing.T, ctx context.Context, master *cluster.Server) *recorded {
	t.Helper()
	cfg := embedded(monitor.MasterConfig{
		Name: "m", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: master.Port()}, Quorum: 2,
		DownAfter: time.Second, FailoverTimeout: 10 * time.Second,
	})
	cfg.StateFile = filepath.Join(t.TempDir(), "state.toml")
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{Node: s, ran: make(chan error, 1)}
	s.Record(&r.text, recorder.DefaultLimit)
	ctx, r.cancel = context.WithCancel(ctx)
	go func() { r.ran <- s.Run(ctx) }()
	t.Cleanup(r.cancel)
	return r
}

// servers starts a master and two replicas, and returns when these are in sync.
func servers(t *testing.T, ctx context.Context) (master *cluster.Server) {
	t.Helper()
	c, err := cluster.New(cluster.Config{Ports: cluster.PortRange{First: 27100, Last: 27199}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	start := func(name string, lines ...string) *cluster.Server {
		port, err := c.Port()
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.StartServer(cluster.NodeSpec{Name: name, Port: port, Conf: cluster.ServerConf(port, lines...)})
		if err == nil {
			err = s.WaitReady(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	master = start("master")
	for i := range 2 {
		r := start(fmt.Sprintf("replica-%d", i+1), fmt.Sprintf("replicaof 127.0.0.1 %d", master.Port()))
		if err := r.WaitReplicaOf(ctx, master); err != nil {
			t.Fatal(err)
		}
	}
	return master
}

// TestRecordedFailover records three Sentinels while they replace a master of
// real servers, and gives a fresh core the inputs of each: its effects are those
// that the Sentinel carried out.
func TestRecordedFailover(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	master := servers(t, ctx)
	var all []*recorded
	for range 3 {
		all = append(all, startRecorded(t, ctx, master))
	}
	for _, r := range all {
		resptest.Eventually(t, "the Sentinels know each other and the replicas", func() bool {
			m := r.master()
			return m.UsableSentinels == 3 && m.Replicas == 2
		})
	}
	client := resptest.Dial(t, "tcp", all[0].Addr().String())
	for _, line := range []string{
		"SENTINEL SET m parallel-syncs 2 nonsense 1", "SENTINEL CONFIG SET announce-port 0", "SENTINEL DEBUG info-period 500", "SENTINEL RESET other*",
		"SENTINEL MONITOR second 127.0.0.1 1 2", "SENTINEL REMOVE second", "SENTINEL FLUSHCONFIG",
	} {
		client.Do(line)
	}
	old := all[0].master().Current
	master.Kill()
	for _, r := range all {
		resptest.Eventually(t, "every Sentinel follows the failover", func() bool {
			now := r.master()
			return now.Current != old && now.FailoverState == "none"
		})
	}
	led, voted, asked := 0, 0, 0
	for i, r := range all {
		r.stop(t)
		events, asks := r.replay(t, fmt.Sprintf("Sentinel %d", i))
		asked += asks
		led += strings.Count(events, "+failover-end ")
		voted += strings.Count(events, "+vote-for-leader ")
		if !strings.Contains(events, "+switch-master m ") {
			t.Errorf("Sentinel %d has not switched: %s", i, events)
		}
	}
	// Nobody may have asked the leader, and a question about a master that is up does not
	// reach the core.
	if led != 1 || voted < 2 || asked == 0 {
		t.Errorf("%d failovers were led, %d votes given and %d asked for", led, voted, asked)
	}
}

// master returns what the Sentinel knows about the master; nothing before it runs.
func (r *recorded) master() monitor.MasterView {
	v, _ := Ask(context.Background(), r.Node, func(c *monitor.Core, now monitor.Instant) monitor.MasterView {
		v, _ := c.Master(now, "m")
		return v
	})
	return v
}

// stop ends the Sentinel.
func (r *recorded) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.ran; err != nil {
		t.Error(err)
	}
	if err := r.record.Err(); err != nil {
		t.Errorf("the record ended early: %v", err)
	}
}

// replay plays the record and returns the events in it, and how many questions of others.
func (r *recorded) replay(t *testing.T, name string) (string, int) {
	t.Helper()
	var events strings.Builder
	note := func(effects []monitor.Effect) {
		for _, e := range effects {
			if e, ok := e.(monitor.Emit); ok {
				fmt.Fprintf(&events, "%s %s\n", e.Event.Name(), e.Event.AppendText(nil))
			}
		}
	}
	inputs := map[string]int{}
	_, err := recorder.Replay(&r.text, recorder.Player{
		Stepped: func(_ monitor.Instant, in monitor.Input) { inputs[fmt.Sprintf("%T", in)]++ },
		Drained: func(out *monitor.Effects) {
			note(out.Free)
			if out.Persist != nil {
				note(out.Persist.Then)
			}
		},
	})
	if err != nil {
		t.Errorf("%s: after %v: %v", name, inputs, err)
	}
	for _, kind := range []string{"Tick", "LinkUp", "Pong", "InfoReply", "HelloReceived", "Persisted"} {
		if inputs["monitor."+kind] == 0 {
			t.Errorf("%s has recorded no %s: %v", name, kind, inputs)
		}
	}
	return events.String(), inputs["monitor.Ask"]
}
