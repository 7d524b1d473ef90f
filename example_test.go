package sentinel_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/event"
)

// A program that runs a Sentinel.
func Example() {
	s, err := sentinel.New(sentinel.Config{
		Listen: ":26379", StateFile: "state.toml",
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2}},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.Run(context.Background()))
}

// began starts a Sentinel for an example and waits until it works.
func began(cfg sentinel.Config) (s *sentinel.Sentinel, stop func()) {
	s, err := sentinel.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		log.Fatal(err)
	}
	return s, func() {
		cancel()
		fmt.Println("ended:", <-ended)
	}
}

// A control plane that follows a master.
func ExampleSentinel_Events() {
	s, err := sentinel.New(sentinel.Config{
		Listen:  ":26379",
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2, DownAfter: 5 * time.Second}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	events := s.Events(ctx, sentinel.OfMaster("cache")) // from here on, nothing is missed
	go func() {
		for ev := range events {
			switch body := ev.Body.(type) {
			case event.SwitchMaster:
				log.Printf("%s: moved from %s to %s (epoch %d)", ev.Time, body.From, body.To, body.Epoch)
			case event.Lagged:
				log.Printf("%d events missed", body.Missed)
			}
		}
	}()
	log.Fatal(s.Run(ctx))
}

// Without Listen and StateFile, a Sentinel only observes, inside the program.
func ExampleNew() {
	s, err := sentinel.New(sentinel.Config{
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events, ended := s.Events(ctx), make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for ev := range events {
		fmt.Println(ev)
		break
	}
	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// +monitor master cache 127.0.0.1 1 quorum 1
	// ended: <nil>
}

// Every mistake is named at once.
func ExampleNew_mistakes() {
	_, err := sentinel.New(sentinel.Config{
		Listen:  "26379",
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "redis-1:6379"}},
	})
	fmt.Println(err)
	// Output:
	// sentinel: Listen "26379": address 26379: missing port in address
	// sentinel: master "cache": "redis-1" is not an IP address: set ResolveHostnames to use names
	// sentinel: master "cache": Quorum must be 1 or greater
}

// Masters come and go while the Sentinel runs.
func ExampleSentinel_Monitor() {
	s, stop := began(sentinel.Config{})
	ctx := context.Background()
	cache := sentinel.MasterConfig{Name: "cache", Addr: "127.0.0.1:1", Quorum: 2, AuthPass: "secret"}
	fmt.Println("added:", s.Monitor(ctx, cache))
	fmt.Println("again:", errors.Is(s.Monitor(ctx, cache), sentinel.ErrMasterExists))
	fmt.Println("changed:", s.Update(ctx, "cache", func(m *sentinel.MasterConfig) { m.DownAfter = 5 * time.Second }))
	masters, _ := s.Masters(ctx)
	for _, m := range masters {
		fmt.Println(m.Name, m.Addr, m.Config.DownAfter)
	}
	fmt.Println("removed:", s.Remove(ctx, "cache"))
	stop()
	// Output:
	// added: <nil>
	// again: true
	// changed: <nil>
	// cache 127.0.0.1:1 5s
	// removed: <nil>
	// ended: <nil>
}

// A change sees the configuration as it is, and what it leaves alone stays.
func ExampleSentinel_Update() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 2}}})
	ctx := context.Background()
	err := s.Update(ctx, "cache", func(m *sentinel.MasterConfig) {
		m.DownAfter /= 10
		m.ParallelSyncs = 2
	})
	m, _ := s.Master(ctx, "cache")
	fmt.Println(m.Config.DownAfter, m.Config.ParallelSyncs, m.Config.Quorum, err)
	err = s.Update(ctx, "cache", func(m *sentinel.MasterConfig) { m.Quorum = 0 })
	fmt.Println(err)
	stop()
	// Output:
	// 3s 2 2 <nil>
	// sentinel: master "cache": Quorum must be 1 or greater
	// ended: <nil>
}

// Nobody fails a master over while somebody works on it.
func ExampleSentinel_Pause() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}}})
	ctx := context.Background()
	err := s.Pause(ctx, "cache", sentinel.Pause{Until: time.Now().Add(time.Hour), Reason: "a new kernel"})
	m, _ := s.Master(ctx, "cache")
	fmt.Println("paused:", m.Paused.Reason, err)
	_, err = s.Failover(ctx, "cache", sentinel.FailoverOptions{})
	fmt.Println("refused:", errors.Is(err, sentinel.ErrPaused))
	fmt.Println("resumed:", s.Resume(ctx, "cache")) // or the pause ends by itself
	stop()
	// Output:
	// paused: a new kernel <nil>
	// refused: true
	// resumed: <nil>
	// ended: <nil>
}

// A control plane that holds failovers back during maintenance, and prefers replicas in
// its own zone.
func ExamplePolicy() {
	maintenance := map[string]bool{"cache": true}
	policy := sentinel.Policy{
		Allow: func(_ context.Context, a sentinel.Attempt) (sentinel.Decision, error) {
			if maintenance[a.Master] {
				return sentinel.Veto("maintenance"), nil
			}
			return sentinel.Go(), nil
		},
		Choose: func(_ context.Context, _ sentinel.Attempt, list []sentinel.Candidate) ([]sentinel.Candidate, error) {
			return slices.DeleteFunc(list, func(c sentinel.Candidate) bool { return c.Zone != "eu-1a" }), nil
		},
		Timeout: time.Second,
	}
	s, stop := began(sentinel.Config{Policy: policy, Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}}})
	_, err := s.Failover(context.Background(), "cache", sentinel.FailoverOptions{})
	var veto *sentinel.VetoError
	if errors.As(err, &veto) {
		fmt.Println(veto.Reason)
	}
	stop()
	// Output:
	// vetoed: maintenance
	// ended: <nil>
}

// A client inside the program needs no port. DialRESP also serves as the dialer of a
// client library.
func ExampleSentinel_DialRESP() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 1}}})
	conn, err := s.DialRESP(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(conn, "SENTINEL get-master-addr-by-name cache")
	reply := bufio.NewScanner(conn)
	for range 5 {
		reply.Scan()
		fmt.Println(reply.Text())
	}
	conn.Close()
	stop()
	// Output:
	// *2
	// $8
	// 10.0.0.1
	// $4
	// 6379
	// ended: <nil>
}

// Filters are functions: those of the package, and one of the program.
func ExampleFilter() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{
		{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}, {Name: "queue", Addr: "127.0.0.1:2", Quorum: 1},
	}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	quorums := func(e sentinel.Event) bool { return strings.Contains(e.String(), "quorum") }
	events := s.Events(ctx, sentinel.OfMaster("queue"), sentinel.OfType[event.Set](), quorums)
	for _, name := range []string{"cache", "queue"} {
		err := s.Update(ctx, name, func(m *sentinel.MasterConfig) { m.Quorum, m.DownAfter = 2, time.Second })
		if err != nil {
			log.Fatal(err)
		}
	}
	for ev := range events {
		fmt.Println(ev)
		cancel() // which ends the loop
	}
	stop()
	// Output:
	// +set master queue 127.0.0.1 2 quorum 2
	// ended: <nil>
}

// A failover that is asked for, and why it may be refused.
func ExampleSentinel_Failover() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := s.Failover(ctx, "cache", sentinel.FailoverOptions{Wait: true})
	var few *sentinel.QuorumError
	switch {
	case err == nil:
		fmt.Println(report) // says in words what was done, and how long it took
	case errors.Is(err, sentinel.ErrNoGoodReplica):
		fmt.Println("no replica can be promoted")
	case errors.As(err, &few):
		fmt.Println("too few Sentinels:", few.Usable, "of", few.Known)
	}
	stop()
	// Output:
	// no replica can be promoted
	// ended: <nil>
}

// Why has the master not been replaced, though it is dead?
func ExampleSentinel_Failovers() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{
		{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1, DownAfter: 200 * time.Millisecond}, // nothing listens there
	}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range s.Events(ctx, sentinel.OfType[event.FailoverAbortNoGoodReplica]()) {
		break
	}
	reports, err := s.Failovers(ctx, "cache", 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range reports {
		fmt.Println("master: ", r.Master, r.From) // r.String() has all of it in a sentence
		fmt.Println("cause:  ", r.Cause)
		fmt.Println("down:   ", len(r.Down), "of", r.Quorum, "Sentinels said so")
		fmt.Println("outcome:", r.Outcome)
		for _, c := range r.Candidates {
			fmt.Println("replica:", c.Addr, c.Verdict)
		}
	}
	stop()
	// Output:
	// master:  cache 127.0.0.1:1
	// cause:   refused
	// down:    1 of 1 Sentinels said so
	// outcome: no-good-replica
	// ended: <nil>
}

// A probe for the supervisor of the program.
func ExampleSentinel_Health() {
	s, stop := began(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 2}}})
	var unhealthy *sentinel.HealthError
	if err := s.Health(context.Background()); errors.As(err, &unhealthy) {
		fmt.Println(unhealthy.Check)
		fmt.Println(unhealthy.Reason)
	}
	stop()
	// Output:
	// majority
	// cache: 1 of 1 Sentinels are usable, fewer than the quorum of 2
	// ended: <nil>
}

// database is that of a program that keeps its records in a log: each line is a key
// with its newest value.
type database struct{ path string }

func (d database) get(key string) (value []byte, err error) {
	text, err := os.ReadFile(d.path)
	for line := range bytes.Lines(text) {
		var record map[string][]byte
		if json.Unmarshal(line, &record) == nil { // else a crash interrupted the write
			if v, ok := record[key]; ok {
				value = v
			}
		}
	}
	return value, err
}

func (d database) put(key string, value []byte) error {
	f, err := os.OpenFile(d.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	line, _ := json.Marshal(map[string][]byte{key: value})
	_, err = fmt.Fprintf(f, "\n%s\n", line) // the line before may have no end
	return errors.Join(err, f.Sync(), f.Close())
}

// sentinelState is a Store over the program's own database.
type sentinelState struct{ db database }

func (s sentinelState) Load(context.Context) ([]byte, error)   { return s.db.get("sentinel") }
func (s sentinelState) Save(_ context.Context, b []byte) error { return s.db.put("sentinel", b) }

// A Sentinel that keeps its state in the database of the program around it.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store := sentinelState{database{filepath.Join(dir, "records")}}

	s, stop := began(sentinel.Config{Store: store})
	fmt.Println("added:", s.Monitor(context.Background(), sentinel.MasterConfig{Name: "cache", Addr: "127.0.0.1:1", Quorum: 2}))
	stop()

	s, stop = began(sentinel.Config{Store: store})
	m, err := s.Master(context.Background(), "cache")
	fmt.Println("known after a restart:", m.Addr, err)
	stop()
	// Output:
	// added: <nil>
	// ended: <nil>
	// known after a restart: 127.0.0.1:1 <nil>
	// ended: <nil>
}
