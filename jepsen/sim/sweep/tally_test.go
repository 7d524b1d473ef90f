package sweep

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := newTally(Options{Mixes: []Mix{{"default", nil}}})
		<-time.After(10 * time.Second)
		tally.next.Store(70)
		tally.add(played{Mix{"default", nil}, sim.Result{Virtual: 3 * 365 * 24 * time.Hour, Checked: 2_500_000}})
		var b bytes.Buffer
		tally.progress(&b)
		for _, want := range []string{"10s seed 70: 1 played, 0 a second; 3.00 years of virtual time, 9460800 times real time; ", "invariants checked in 2.5 million states; 0 failed"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &b)
			}
		}
	})
}
