package sentinel

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/journal"
)

// logText collects the log.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) find(line string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return regexp.MustCompile(line).FindString(l.text.String())
}

// TestHeldFailoversAreTold: whoever is woken because a master is down reads why it was
// not replaced at once, and by whose will.
func TestHeldFailoversAreTold(t *testing.T) {
	const (
		begun     = `Failover of m: 127\.0\.0\.1:\d+ has replaced 127\.0\.0\.1:\d+, epoch \d+, led by this Sentinel\. `
		down      = `The master (let nobody connect|did not answer) \([^)]+\); 1 Sentinel said that it is down, the quorum is 1\. `
		remainder = `127\.0\.0\.1:\d+ was chosen of 1 replica .*It took .*: silence .*, held .*, election .*\. Possibly lost: `
	)
	var wanted atomic.Bool
	delay := Policy{Allow: func(context.Context, Attempt) (Decision, error) {
		if wanted.Load() {
			return Go(), nil
		}
		return Delay(10*time.Millisecond, "a new kernel"), nil
	}}
	for name, c := range map[string]struct {
		policy Policy
		begin  func(*Sentinel) error
		end    func(*Sentinel) error
		held   string
	}{
		"by the program": {delay, func(*Sentinel) error { return nil }, func(*Sentinel) error { wanted.Store(true); return nil },
			`delayed by 10ms: a new kernel`},
		"by a pause": {Policy{}, func(s *Sentinel) error {
			return s.Pause(t.Context(), "m", Pause{Until: time.Now().Add(time.Hour), Reason: "a new kernel"})
		}, func(s *Sentinel) error { return s.Resume(t.Context(), "m") }, `an operator has paused them until \S+ \(a new kernel\)`},
	} {
		t.Run(name, func(t *testing.T) {
			var log logText
			master := startFakeWith(t, fakeredis.Config{})
			replica := startFakeWith(t, fakeredis.Config{ReplicaOf: master.Addr()})
			s := start(t, Config{Policy: c.policy, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Masters: []MasterConfig{{Name: "m", Addr: master.Addr(), Quorum: 1, DownAfter: 200 * time.Millisecond}}})
			resptest.Eventually(t, "the replica is in sync", func() bool {
				list, err := s.Replicas(t.Context(), "m")
				return err == nil && len(list) == 1 && list[0].LinkUp
			})
			last := func() (r journal.Report) {
				if list, err := s.Failovers(t.Context(), "m", 1); err == nil && len(list) > 0 {
					r = list[0]
				}
				return r
			}
			if err := c.begin(s); err != nil {
				t.Fatal(err)
			}
			master.Crash()
			resptest.Eventually(t, "the failover is held back", func() bool { return last().Held != "" })
			if got := last().String(); !regexp.MustCompile(`^Failover of m \(127\.0\.0\.1:\d+\) is held back: ` + c.held + `\. ` + down[:len(down)-1] + `$`).MatchString(got) {
				t.Errorf("while it is held back: %s", got)
			}
			if err := c.end(s); err != nil {
				t.Fatal(err)
			}
			resptest.Eventually(t, "the failover is over", func() bool { return last().Promoted() })
			if r := last(); r.To != replica.Addr() || !regexp.MustCompile(c.held).MatchString(r.Held) {
				t.Errorf("%+v", r)
			}
			line := begun + down + `This Sentinel did not begin at once: ` + c.held + `\. ` + remainder
			resptest.Eventually(t, "the log has a line like "+line, func() bool { return log.find(line) != "" })
		})
	}
}
