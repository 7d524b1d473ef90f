package cluster

import (
	"strings"
	"time"
)

// Failover is what the events of all Sentinels tell about one failover of one
// master. Durations count from the fault; 0 means that it did not happen.
type Failover struct {
	SDown, ODown, Elected, Promoted time.Duration // of the first Sentinel each
	Switched                        time.Duration // first +switch-master
	SwitchedAll                     time.Duration // last Sentinel's first +switch-master

	Leader     string // node name of the last elected Sentinel
	Epoch      string // of its election
	Leaders    int    // +elected-leader
	Promotions int    // replicas that were promoted
	Candidates int    // Sentinels that stood for election
	Retries    int    // times that one of them stood again
	Aborts     int    // -failover-abort-*
	// SecondLeader says that two Sentinels were elected in one epoch, or that two
	// replicas were promoted.
	SecondLeader bool
}

// Digest reduces the events of one failover, which began at start. The events
// must be about one master only, as the event of a vote does not name it.
func Digest(events []Event, start time.Time) Failover {
	d := digest{
		start: start, elected: map[string]string{}, promoted: map[string]bool{},
		epoch: map[string]string{}, stood: map[string]bool{}, switched: map[string]bool{},
	}
	for _, ev := range events {
		d.timing(ev)
		d.voting(ev)
	}
	d.out.Promotions = len(d.promoted)
	d.out.SecondLeader = d.out.SecondLeader || len(d.promoted) > 1
	return d.out
}

type digest struct {
	start    time.Time
	elected  map[string]string // epoch of an attempt -> the Sentinel that was elected in it
	promoted map[string]bool
	epoch    map[string]string // Sentinel -> the epoch that it voted in last
	stood    map[string]bool
	switched map[string]bool
	out      Failover
}

func (d *digest) timing(ev Event) {
	at := ev.At.Sub(d.start)
	first := func(t *time.Duration) {
		if *t == 0 {
			*t = at
		}
	}
	switch ev.Name {
	case "+sdown":
		if strings.HasPrefix(ev.Text, "master ") {
			first(&d.out.SDown)
		}
	case "+odown":
		first(&d.out.ODown)
	case "+elected-leader":
		first(&d.out.Elected)
	case "+promoted-slave":
		first(&d.out.Promoted)
		d.promoted[ev.Text] = true
	case "+switch-master":
		first(&d.out.Switched)
		if !d.switched[ev.Sentinel] {
			d.switched[ev.Sentinel] = true
			d.out.SwitchedAll = at
		}
	}
}

func (d *digest) voting(ev Event) {
	switch {
	case ev.Name == "+try-failover":
		if d.stood[ev.Sentinel] {
			d.out.Retries++
		} else {
			d.stood[ev.Sentinel] = true
			d.out.Candidates++
		}
	case ev.Name == "+vote-for-leader":
		_, d.epoch[ev.Sentinel], _ = strings.Cut(ev.Text, " ")
	case ev.Name == "+elected-leader":
		d.out.Leaders++
		e := d.epoch[ev.Sentinel]
		if other, taken := d.elected[e]; taken && other != ev.Sentinel {
			d.out.SecondLeader = true
		}
		d.elected[e] = ev.Sentinel
		d.out.Leader, d.out.Epoch = ev.Sentinel, e
	case strings.HasPrefix(ev.Name, "-failover-abort-"):
		d.out.Aborts++
	}
}
