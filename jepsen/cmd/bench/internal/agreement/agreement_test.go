package agreement

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// story makes events of lines such as "12 s1 +odown master m".
func story(t *testing.T, lines ...string) (events []cluster.Event) {
	t.Helper()
	origin := time.Unix(1000, 0)
	for _, line := range lines {
		words := strings.SplitN(line, " ", 4)
		at, err := time.ParseDuration(words[0] + "ms")
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, cluster.Event{At: origin.Add(at), Sentinel: words[1], Name: words[2], Text: words[3]})
	}
	return events
}

var whole = []string{
	"90 s2 +sdown slave x",
	"100 s1 +sdown master m",
	"102 s2 +sdown master m",
	"107 s3 +sdown master m",
	"104 s2 +odown master m", // not the leader
	"109 s1 +odown master m",
	"110 s1 +elected-leader master m",
	"150 s1 +promoted-slave slave x",
	"151 s2 +switch-master m x",
	"158 s3 +switch-master m x",
	"190 s1 +switch-master m x", // the leader says so when it has finished
}

func TestDigest(t *testing.T) {
	ms := time.Millisecond
	got, err := digest(story(t, whole...), 2, 3)
	if want := (result{spread: 2 * ms, odown: 7 * ms, address: 8 * ms}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := digest(story(t, whole...), 3, 3); err != nil || got.odown != 2*ms {
		t.Errorf("with quorum 3: %+v, %v", got, err)
	}
	// Without any of these lines nothing can be said.
	for _, gone := range []int{1, 5, 6, 7, 9} {
		var rest []string
		for i, line := range whole {
			if i != gone {
				rest = append(rest, line)
			}
		}
		if got, err := digest(story(t, rest...), 3, 3); !errors.Is(err, errIncomplete) {
			t.Errorf("without %q: %+v, %v", whole[gone], got, err)
		}
	}
}

func TestReportAndVerdict(t *testing.T) {
	ms := time.Millisecond
	fast := result{2 * ms, 3 * ms, 4 * ms}
	slow := result{2 * ms, 30 * ms, 400 * ms}
	var out bytes.Buffer
	printHeader(&out, Options{Setup: trial.Setup{Sentinels: 5, Replicas: 2, DownAfter: time.Second}})
	printRow(&out, 1, "gossip", fast)
	printSummary(&out, []side{{Name: "gossip", Results: []result{fast, fast, slow}}, {Name: "no gossip", Results: []result{slow}}})
	for _, want := range []string{"5 Sentinels with quorum 3", "  1 gossip          2.0      3.0      4.0", "gossip         3     3.0     3.0    24.6    30.0", "no gossip      1   400.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	o := Options{MaxODown: 10 * ms, MaxAddress: 20 * ms}
	if err := judge(o, side{Results: []result{fast, fast, slow}}); err != nil {
		t.Errorf("a good measurement was rejected: %v", err)
	}
	if err := judge(o, side{Results: []result{fast, slow, slow}}); err == nil || !strings.Contains(err.Error(), "odown") || !strings.Contains(err.Error(), "address") {
		t.Errorf("verdict: %v", err)
	}
	if err := judge(Options{}, side{Results: []result{slow}}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

func TestCounter(t *testing.T) {
	const info = "# Sentinel\r\nsentinel_gossip_peers:4\r\nsentinel_gossip_peers_up:3\r\n"
	if got := counter(info, "sentinel_gossip_peers_up"); got != "3" {
		t.Errorf("got %q", got)
	}
	if got := counter(info, "sentinel_gossip"); got != "" {
		t.Errorf("got %q", got)
	}
}
