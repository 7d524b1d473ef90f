package scale

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// linkRows are what watching costs.
var linkRows = []Row{
	overN(100), overN(300), overN(1000), overN(3000),
	{
		Name: "idle", Text: "1 master and 2 replicas, default file",
		Figures: []Figure{ratio("CPU", "ms/min", 1, 1.2), ratio("wake-ups", "1/s", 1, 0), told("RSS", "MiB")},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.watch(ctx, setting{Layout: fleet.Layout{Masters: 1, Replicas: 2}}, s.span(time.Minute, 3*time.Second))
			return []float64{w.cpuMinute(), w.wakeUps(), w.RSS}, err
		},
	}, {
		Name: "links", Text: "1,000 masters and replicas, down-after 30 s", Timeout: 5 * time.Minute,
		Figures: []Figure{ratio("CPU", "ms/min", 0.55, 0.8), ratio("RSS", "MiB", 0.75, 1), told("PINGs", "1/s")},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.watch(ctx, pairs(s.size(1000, 100), 30*time.Second), s.span(time.Minute, 3*time.Second))
			return []float64{w.cpuMinute(), w.RSS, w.pings}, err
		},
	}, {
		Name: "eager", Text: "500 masters and replicas, down-after 1 s: ten times as many PINGs", Timeout: 5 * time.Minute,
		Figures: []Figure{ratio("CPU", "ms/min", 2, 2.2), told("PINGs", "1/s")},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.watch(ctx, pairs(s.size(500, 50), time.Second), s.span(time.Minute, 3*time.Second))
			return []float64{w.cpuMinute(), w.pings}, err
		},
	}, {
		Name: "many", Text: fmt.Sprintf("10,000 masters and replicas, or as many as descriptors allow (%d here)", fitting(10000)), Timeout: 20 * time.Minute, Own: true, // the original saves its file for each replica that it finds
		Figures: []Figure{
			absolute("CPU of a core", "", 0.5, 0.8), absolute("RSS", "MiB", 400, 600),
			absolute("longest stall", "ms", 100, 200), absolute("false +sdown", "", 0, 0.5), told("settled", "s"),
		},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			begun := time.Now()
			w, err := s.watch(ctx, pairs(s.size(fitting(10000), 500), 30*time.Second), s.span(10*time.Minute, 3*time.Second))
			if err != nil {
				return nil, err
			}
			stall, err := longestStall(ctx, s.sentinels[0])
			return []float64{w.CPU.Seconds() / w.while.Seconds(), w.RSS, stall, float64(w.sdown), (time.Since(begun) - w.while).Seconds()}, err
		},
	},
}

// overN is a point of the plots over the number of masters.
func overN(masters int) Row {
	return Row{
		Name: fmt.Sprintf("n%d", masters), Text: fmt.Sprintf("%d masters and replicas, down-after 30 s", masters), Timeout: 5 * time.Minute, Once: true, Masters: masters,
		Figures: []Figure{told("CPU", "ms/min"), told("RSS", "MiB"), told("PINGs", "1/s")},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.watch(ctx, pairs(s.size(masters, masters/30), 30*time.Second), s.span(20*time.Second, 3*time.Second))
			return []float64{w.cpuMinute(), w.RSS, w.pings}, err
		},
	}
}

// pairs are so many masters with a replica each.
func pairs(n int, downAfter time.Duration) setting {
	return setting{Layout: fleet.Layout{Masters: n, Replicas: 1}, downAfter: downAfter}
}

// watched is what one Sentinel used while nothing happened.
type watched struct {
	usage
	while time.Duration
	pings float64 // a second
	sdown int
}

func (w watched) cpuMinute() float64 {
	return float64(w.CPU.Milliseconds()) * time.Minute.Seconds() / w.while.Seconds()
}

func (w watched) wakeUps() float64 { return float64(w.Switches) / w.while.Seconds() }

// watch has a Sentinel settle and measures it in the while after that.
func (s *stage) watch(ctx context.Context, set setting, while time.Duration) (w watched, err error) {
	w.while = while
	if err := s.enter(ctx, set); err != nil {
		return w, err
	}
	if err := rest(ctx, s.span(10*time.Second, time.Second)); err != nil { // what follows from the start is over
		return w, err
	}
	before, err := s.fleet.Counts(ctx)
	if err != nil {
		return w, err
	}
	begun := time.Now()
	if w.usage, err = s.spend(ctx, s.sentinels[0], while); err != nil {
		return w, err
	}
	after, err := s.fleet.Counts(ctx)
	w.pings = float64(after.Pings-before.Pings) / while.Seconds()
	w.sdown = count(s.c.Events().Since(begun), "+sdown")
	return w, err
}

func count(events []cluster.Event, names ...string) (n int) {
	for _, ev := range events {
		for _, name := range names {
			if strings.HasPrefix(ev.Name, name) {
				n++
			}
		}
	}
	return n
}
