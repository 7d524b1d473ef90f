package monitor

import (
	"reflect"
	"testing"
	"time"
)

// TestForecast: the state of a promotion is foretold when the replica is chosen, word
// by word, and the Core is none the wiser.
func TestForecast(t *testing.T) {
	for name, fail := range map[string]func(*world, *node){
		"planned": func(w *world, n *node) { n.input(Call{From: 1, Op: FailoverOp{Name: "mymaster"}}) },
		"crash":   func(w *world, n *node) { w.servers[0].crash() },
	} {
		w, n := small(t, func(Effect) {})
		confirmed := 0
		w.onSave = func(n *node, p *Persist) {
			if p.State.Masters[0].ConfigEpoch == 0 || confirmed > 0 {
				if n.forecast != nil && reflect.DeepEqual(*n.forecast, p.State) {
					t.Errorf("%s: what is foretold is saved before the promotion, or twice", name)
				}
				return
			}
			confirmed++
			if n.forecast == nil || !reflect.DeepEqual(*n.forecast, p.State) {
				t.Errorf("%s: foretold was\n%+v\nand saved is\n%+v", name, n.forecast, p.State)
			}
		}
		fail(w, n)
		w.advance(time.Minute, w.check.failed)
		if confirmed != 1 {
			t.Errorf("%s: %d promotions were saved", name, confirmed)
		}
	}
}
