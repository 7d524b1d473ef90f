package integration

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/mixed"
)

// observers are one Sentinel of each kind, which look at a third one.
var observers = mixed.Ratio{Stock: 1, Ours: 1}

// withThird starts a set of both observers and a third Sentinel of a kind.
func (e *env) withThird(k mixed.Kind) (s *mixed.Set, third *cluster.Sentinel) {
	e.Helper()
	r := observers
	if k == mixed.Stock {
		r.Stock++
	} else {
		r.Ours++
	}
	s = e.mixedSet(r, func(*cluster.Topology) {})
	i := 0 // stock ones come first
	if k == mixed.Ours {
		i = r.Total() - 1
	}
	e.settle(s)
	return s, s.Sentinels[i]
}

// eachKind runs a test with a third Sentinel of either kind.
func eachKind(t *testing.T, run func(e *env, k mixed.Kind, s *mixed.Set, third *cluster.Sentinel)) {
	for _, k := range []mixed.Kind{mixed.Stock, mixed.Ours} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			s, third := e.withThird(k)
			run(e, k, s, third)
		})
	}
}

// replaced puts one Sentinel of a set in the place of another.
func replaced(s *mixed.Set, old, by *cluster.Sentinel) {
	for i, n := range s.Sentinels {
		if n == old {
			s.Sentinels[i] = by
		}
	}
}

// others returns the Sentinels of a set but one.
func others(s *mixed.Set, but *cluster.Sentinel) (list []*cluster.Sentinel) {
	for _, n := range s.Sentinels {
		if n != but {
			list = append(list, n)
		}
	}
	return list
}

// text returns the file of a Sentinel.
func (e *env) text(s *cluster.Sentinel) string {
	e.Helper()
	b, err := os.ReadFile(s.Conf())
	e.must(err)
	return string(b)
}

// withoutID returns a file without the identity.
func withoutID(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "sentinel myid ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// copyOf starts a Sentinel with the file of another one, on a port of its own.
func (e *env) copyOf(s *cluster.Sentinel, k mixed.Kind, name string) *cluster.Sentinel {
	e.Helper()
	port, err := e.c.Port()
	e.must(err)
	conf := strings.Replace(e.text(s), fmt.Sprintf("\nport %d\n", s.Port()), fmt.Sprintf("\nport %d\n", port), 1)
	command := underTest(e.T)
	if k == mixed.Stock {
		command = stockSentinel(e.T)
	}
	n, err := e.c.StartSentinel(cluster.NodeSpec{Name: name, Port: port, Conf: conf, Command: command})
	e.must(err)
	e.must(n.WaitReady(e.ctx))
	return n
}

// A Sentinel that comes back at another address is the same voter.
func TestPeerMoves(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, k mixed.Kind, s *mixed.Set, third *cluster.Sentinel) {
		id, err := third.MyID(e.ctx)
		e.must(err)
		third.Kill()
		moved := e.copyOf(third, k, "moved")
		for _, n := range others(s, third) {
			e.eventAbout(n, "+sentinel-address-switch", fmt.Sprintf("port %d for %s", moved.Port(), id))
		}
		replaced(s, third, moved)
		e.settle(s) // which finds every voter once, at its address
		e.failOver(s)
	})
}

// A Sentinel that lost its identity takes the place of the one that was at its
// address: a dead voter there would make the majority harder to reach forever.
func TestPeerComesBackWithNewID(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, _ mixed.Kind, s *mixed.Set, third *cluster.Sentinel) {
		id, err := third.MyID(e.ctx)
		e.must(err)
		third.Kill()
		e.must(os.WriteFile(third.Conf(), []byte(withoutID(e.text(third))), 0o644))
		e.must(third.Restart(e.ctx))
		if now, err := third.MyID(e.ctx); err != nil || now == id {
			e.Fatalf("the id is still %s, %v", now, err)
		}
		for _, n := range others(s, third) {
			e.eventAbout(n, "+sentinel-invalid-addr", "sentinel "+id+" ")
		}
		e.settle(s)
		e.failOver(s)
	})
}

// A Sentinel that comes back with another identity at another address is a new
// voter: no Sentinel can know that the old one is gone for good. RESET makes the
// others forget it.
func TestPeerComesBackAsStranger(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, k mixed.Kind, s *mixed.Set, third *cluster.Sentinel) {
		third.Kill()
		e.must(os.WriteFile(third.Conf(), []byte(withoutID(e.text(third))), 0o644))
		stranger := e.copyOf(third, k, "stranger")
		for _, n := range others(s, third) {
			e.until(n.Name()+" to count the stranger and the dead", func(ctx context.Context) (string, bool) {
				m, err := n.Master(ctx, s.Master)
				return fmt.Sprint(m["num-other-sentinels"], " ", err), err == nil && m["num-other-sentinels"] == "3"
			})
		}
		replaced(s, third, stranger)
		for _, n := range s.Sentinels {
			// One at a time, so that a majority knows all the others all the time.
			e.do(n, "SENTINEL", "RESET", s.Master)
			e.must(n.WaitView(e.ctx, s.Master, len(s.Servers)-1, len(s.Sentinels)-1))
		}
		e.settle(s)
	})
}

// Two Sentinels with one identity, as a copied file makes them, would be a voter
// with two hands. Every gosentinel says who they are, and a gosentinel that is
// one of the two gives no vote until it is alone.
func TestClonedPeer(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	eachKind(t, func(e *env, k mixed.Kind, s *mixed.Set, _ *cluster.Sentinel) {
		victim := s.Sentinels[len(s.Sentinels)-1] // a gosentinel
		witness := s.Sentinels[len(s.Sentinels)-2]
		id, err := victim.MyID(e.ctx)
		e.must(err)
		twins := []*cluster.Sentinel{victim, e.copyOf(victim, k, "clone")}
		for i, n := range twins {
			if i == 0 || k == mixed.Ours {
				e.conflicts(n, id, n.Port(), twins[1-i].Port())
				v, err := askVote(e.ctx, n, s.Servers[0], 1000, candidate(1000))
				if err != nil || v.leader == candidate(1000) {
					e.Errorf("%s, of which there are two, answered a request for its vote with %+v, %v", n.Name(), v, err)
				}
			}
		}
		if k == mixed.Ours { // then the witness is a gosentinel
			e.event(witness.Name()+" to name both", func(ev cluster.Event) bool {
				return ev.Sentinel == witness.Name() && ev.Name == "+sentinel-id-conflict" &&
					strings.Contains(ev.Text, fmt.Sprint(twins[0].Port())) && strings.Contains(ev.Text, fmt.Sprint(twins[1].Port()))
			})
			if m, err := witness.Master(e.ctx, s.Master); err != nil || m["num-other-sentinels"] != "2" {
				e.Errorf("%s counts %s others, %v; want 2", witness.Name(), m["num-other-sentinels"], err)
			}
		}

		// As the log says: stop one, remove its id, start it again.
		clone := twins[1]
		clone.Kill()
		e.must(os.WriteFile(clone.Conf(), []byte(withoutID(e.text(clone))), 0o644))
		e.eventAbout(victim, "-sentinel-id-conflict", id)
		e.must(clone.Restart(e.ctx))
		s.Sentinels, s.Kinds = append(s.Sentinels, clone), append(s.Kinds, k)
		e.settle(s)
		e.failOver(s)
	})
}

// conflicts waits until a Sentinel has said, as an event and in its log, that
// another one has its id.
func (e *env) conflicts(n *cluster.Sentinel, id string, own, other int) {
	e.Helper()
	e.eventAbout(n, "+sentinel-id-conflict", fmt.Sprintf("%s 127.0.0.1 %d 127.0.0.1 %d", id, own, other))
	text := fmt.Sprintf("Another Sentinel at 127.0.0.1:%d uses the id %s of this one at 127.0.0.1:%d", other, id, own)
	e.until("the warning in the log of "+n.Name(), func(context.Context) (string, bool) {
		log, err := n.Log()
		return fmt.Sprint(text, " ", err), err == nil && strings.Contains(log, text)
	})
}
