package cluster

import (
	"testing"
	"time"
)

// at makes an event so many milliseconds after the kill.
func at(start time.Time, ms int, sentinel, name, text string) Event {
	return Event{At: start.Add(time.Duration(ms) * time.Millisecond), Sentinel: sentinel, Name: name, Text: text}
}

func TestDigest(t *testing.T) {
	start := time.Now()
	healthy := []Event{
		at(start, 3, "a", "+sdown", "sentinel x 127.0.0.1 1 @ m 127.0.0.1 2"), // not the master
		at(start, 10, "a", "+sdown", "master m 127.0.0.1 2"),
		at(start, 11, "b", "+sdown", "master m 127.0.0.1 2"),
		at(start, 12, "a", "+odown", "master m 127.0.0.1 2 #quorum 2/2"),
		at(start, 13, "a", "+try-failover", "master m 127.0.0.1 2"),
		at(start, 14, "a", "+vote-for-leader", "aaa 1"),
		at(start, 14, "b", "+vote-for-leader", "aaa 1"),
		at(start, 15, "a", "+elected-leader", "master m 127.0.0.1 2"),
		at(start, 16, "a", "+promoted-slave", "slave s 127.0.0.1 3 @ m 127.0.0.1 2"),
		at(start, 17, "b", "+switch-master", "m 127.0.0.1 2 127.0.0.1 3"),
		at(start, 21, "a", "+switch-master", "m 127.0.0.1 2 127.0.0.1 3"),
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	want := Failover{
		SDown: ms(10), ODown: ms(12), Elected: ms(15), Promoted: ms(16), Switched: ms(17), SwitchedAll: ms(21),
		Leader: "a", Epoch: "1", Leaders: 1, Promotions: 1, Candidates: 1,
	}
	if got := Digest(healthy, start); got != want {
		t.Errorf("healthy failover:\n got %+v\nwant %+v", got, want)
	}

	split := append(healthy[:len(healthy):len(healthy)],
		at(start, 18, "b", "+try-failover", "master m 127.0.0.1 2"),
		at(start, 19, "b", "+try-failover", "master m 127.0.0.1 2"),
		at(start, 19, "b", "-failover-abort-not-elected", "master m 127.0.0.1 2"))
	if got := Digest(split, start); got.Candidates != 2 || got.Retries != 1 || got.Aborts != 1 || got.SecondLeader {
		t.Errorf("split vote: got %+v", got)
	}
	for name, extra := range map[string]Event{
		"two leaders in one epoch": at(start, 20, "b", "+elected-leader", "master m 127.0.0.1 2"),
		"two promoted replicas":    at(start, 20, "b", "+promoted-slave", "slave t 127.0.0.1 4 @ m 127.0.0.1 2"),
	} {
		if got := Digest(append(healthy[:len(healthy):len(healthy)], extra), start); !got.SecondLeader {
			t.Errorf("%s went unnoticed: %+v", name, got)
		}
	}
}
