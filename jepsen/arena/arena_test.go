package arena

import (
	"testing"

	"github.com/gosentinel/sentinel/jepsen/history"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseHello(t *testing.T) {
	got, ok := parseHello("10.0.0.7,26379,id,4,jepsen,10.0.0.1,6379,3")
	if want := (history.Hello{By: "id", CurrentEpoch: 4, Epoch: 3, Master: "10.0.0.1:6379"}); !ok || got != want {
		t.Errorf("got %+v %t", got, ok)
	}
	for _, text := range []string{
		"", "10.0.0.7,26379,id,4,other,10.0.0.1,6379,3", "10.0.0.7,26379,id,x,jepsen,10.0.0.1,6379,3", "10.0.0.7,26379,id,4,jepsen,10.0.0.1,6379,x",
	} {
		if _, ok := parseHello(text); ok {
			t.Errorf("%q was read", text)
		}
	}
}
