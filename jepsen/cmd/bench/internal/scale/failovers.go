package scale

import (
	"context"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/agreement"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/failover"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/planned"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// failoverRows are one of each of the longer measurements that are subcommands of their
// own.
var failoverRows = []Row{
	failoverRow("kill", "KILL", 15, 22),
	failoverRow("stop", "STOP", 40, 40),
	{
		Name: "planned", Text: "SENTINEL FAILOVER under 1,000 writes/s that follow and 1,000 that stick",
		Figures: []Figure{told("longest gap", "ms"), absolute("lost writes", "", 0, 0.5)},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			rows, err := planned.Named("both")
			if err != nil {
				return nil, err
			}
			o := planned.Options{Setup: trial.Setup{Sentinels: 3, DownAfter: 5 * time.Second, Timeout: 2 * time.Minute}}
			gap, lost, err := planned.Measure(ctx, o, s.program, rows[0])
			return []float64{milliseconds(gap), float64(lost)}, err
		},
	}, {
		Name: "agreement", Text: "5 Sentinels with gossip agree on a failover", Own: true,
		Figures: []Figure{absolute("+odown after the quorum", "ms", 10, 20), absolute("last address after the promotion", "ms", 20, 40)},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			odown, address, err := agreement.Measure(ctx, s.c, trial.Setup{Replicas: 2, Sentinels: 5, DownAfter: time.Second}, true)
			return []float64{milliseconds(odown), milliseconds(address)}, err
		},
	},
}

// The figures of failoverRow, for the plot.
var steps = []string{"+sdown", "+odown", "elected", "promoted", "switched"}

func failoverRow(name, signal string, goal, must float64) Row {
	const downAfter = time.Second
	figures := []Figure{absolute("a client's write", "ms", goal, must)}
	for _, step := range steps {
		figures = append(figures, told(step, "ms"))
	}
	return Row{
		Name: name, Text: "SIG" + signal + " of a master with 2 replicas, 3 Sentinels; all beyond down-after 1 s", Figures: figures,
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			t, err := failover.Measure(ctx, s.c, failover.Options{Setup: trial.Setup{Replicas: 2, Sentinels: 3, DownAfter: downAfter}, Signal: signal})
			var values []float64
			for _, at := range []time.Duration{t.Client, t.SDown, t.ODown, t.Elected, t.Promoted, t.Switched} {
				values = append(values, milliseconds(at-downAfter))
			}
			return values, err
		},
	}
}
