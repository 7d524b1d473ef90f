package sentinel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/journal"
)

// TestPolicy: whatever hooks do, the Sentinel makes failovers as it is told, and no
// worse than without them.
func TestPolicy(t *testing.T) {
	var mu sync.Mutex
	var allow func(context.Context, Attempt) (Decision, error)
	var choose func([]Candidate) ([]Candidate, error)
	var phases []Phase
	policy := Policy{
		Allow: func(ctx context.Context, a Attempt) (Decision, error) {
			mu.Lock()
			f := allow
			mu.Unlock()
			return f(ctx, a)
		},
		Choose: func(_ context.Context, _ Attempt, list []Candidate) ([]Candidate, error) {
			mu.Lock()
			f := choose
			mu.Unlock()
			return f(list)
		},
		Phase: func(a Attempt, p Phase) {
			mu.Lock()
			defer mu.Unlock()
			if a.Master == "m" {
				phases = append(phases, p)
			}
		},
		Timeout: 300 * time.Millisecond, VetoByDefault: true,
	}
	master := startFakeWith(t, fakeredis.Config{})
	var replicas []string
	for range 3 {
		replicas = append(replicas, startFakeWith(t, fakeredis.Config{ReplicaOf: master.Addr()}).Addr())
	}
	s := start(t, Config{Policy: policy, Masters: []MasterConfig{{Name: "m", Addr: master.Addr(), Quorum: 1}}})
	resptest.Eventually(t, "all replicas are in sync", func() bool {
		list, err := s.Replicas(t.Context(), "m")
		return err == nil && len(list) == 3 && !slices.ContainsFunc(list, func(r Replica) bool { return !r.LinkUp || !r.LinkDownSince.IsZero() })
	})
	ctx := t.Context()
	for name, c := range map[string]struct {
		allow func(context.Context, Attempt) (Decision, error)
		want  string
	}{
		"veto":     {func(context.Context, Attempt) (Decision, error) { return Veto("a new kernel"), nil }, "vetoed: a new kernel"},
		"delay":    {func(context.Context, Attempt) (Decision, error) { return Delay(time.Minute, ""), nil }, "delayed by 1m0s"},
		"negative": {func(context.Context, Attempt) (Decision, error) { return Delay(-1, ""), nil }, "has not decided"},
		"error":    {func(context.Context, Attempt) (Decision, error) { return Go(), errors.New("no database") }, "has not decided"},
		"panic":    {func(context.Context, Attempt) (Decision, error) { panic("no map") }, "has not decided"},
		"late": {func(ctx context.Context, _ Attempt) (Decision, error) {
			<-ctx.Done()
			return Go(), nil
		}, "has not decided"},
	} {
		mu.Lock()
		allow = c.allow
		mu.Unlock()
		_, err := s.Failover(ctx, "m", FailoverOptions{})
		var veto *VetoError
		if !errors.As(err, &veto) || veto.Master != "m" || !strings.Contains(veto.Reason, c.want) || strings.Contains(veto.Reason, "FORCE") ||
			err.Error() != `sentinel: master "m": the failover is not wanted: `+veto.Reason {
			t.Errorf("%s: %v", name, err)
		}
	}

	var asked Attempt
	var offered []Candidate
	mu.Lock()
	allow = func(_ context.Context, a Attempt) (Decision, error) {
		asked = a
		return Go(), nil
	}
	choose = func(list []Candidate) ([]Candidate, error) {
		offered = list
		var preferred Candidate
		for _, c := range list {
			if c.Addr == replicas[1] {
				preferred = c
			}
		}
		return []Candidate{{Addr: "10.9.9.9:1"}, preferred, {}}, nil
	}
	mu.Unlock()
	report, err := s.Failover(ctx, "m", FailoverOptions{Wait: true})
	if err != nil || report.To != replicas[1] || report.Cause != journal.Hook {
		t.Fatalf("%+v, %v: the policy has chosen %s of %v", report, err, replicas[1], offered)
	}
	if want := (Attempt{Master: "m", Addr: master.Addr(), Ordered: true, Planned: true}); asked != want {
		t.Errorf("asked about %+v, want %+v", asked, want)
	}
	for _, c := range offered {
		if c.Verdict != "" || c.Priority != 100 || c.Data != "whole" || c.LinkDown != 0 || c.RunID == "" {
			t.Errorf("a candidate that is in sync is shown as %+v", c)
		}
	}
	want := []Phase{PhaseElection, PhaseChoice, PhasePromotion, PhaseWait, PhaseReconf, PhaseOver}
	resptest.Eventually(t, "all phases are told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Equal(phases, want)
	})
}
