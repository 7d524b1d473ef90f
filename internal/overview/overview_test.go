package overview_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/overview"
	"github.com/gosentinel/sentinel/internal/survey"
)

// shape returns a survey of one master with a replica, as one of two Sentinels sees it.
func shape() (*survey.Survey, *survey.View) {
	s := &survey.Survey{Began: time.Unix(0, 0)}
	a := &survey.Sentinel{Node: survey.Node{Addr: "10.0.0.1:26379", Info: survey.Info{"redis_version": "7.0.15"}}, ID: "a"}
	b := &survey.Sentinel{Node: survey.Node{Addr: "10.0.0.2:26379", Problem: &survey.Problem{Cause: survey.Refused, Text: "it refuses connections"}}}
	v := &survey.View{Sentinel: a, Quorum: "OK", Fields: survey.Fields{"name": "m", "ip": "10.0.1.1", "port": "6379", "flags": "master", "quorum": "2", "num-other-sentinels": "1", "num-slaves": "1", "config-epoch": "7"}}
	v.Replicas = []survey.Fields{{"ip": "10.0.1.2", "port": "6379", "flags": "slave", "slave-priority": "100", "master-link-status": "ok"}}
	v.Sentinels = []survey.Fields{{"ip": "10.0.0.2", "port": "26379", "flags": "sentinel", "runid": "b"}}
	a.Masters = []*survey.View{v}
	s.Sentinels = []*survey.Sentinel{a, b}
	s.Servers = []*survey.Server{
		{Node: survey.Node{Addr: "10.0.1.1:6379", RTT: time.Millisecond, Info: survey.Info{"role": "master", "redis_version": "7.0.15", "master_repl_offset": "1000"}}, Masters: []string{"m"}},
		{Node: survey.Node{Addr: "10.0.1.2:6379", RTT: time.Millisecond, Info: survey.Info{"role": "slave", "redis_version": "7.0.15", "slave_repl_offset": "400", "master_host": "10.0.1.1", "master_port": "6379", "master_link_status": "up"}}, Masters: []string{"m"}},
	}
	return s, v
}

func text(t *testing.T, s *survey.Survey) string {
	t.Helper()
	o := overview.Of(s, doctor.Options{})
	var b, j bytes.Buffer
	for _, write := range []func() error{func() error { return o.Table(&b) }, func() error { return o.Tree(&b) }, func() error { return o.Rest(&b) }, func() error { return o.JSON(&j) }} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	if !json.Valid(j.Bytes()) {
		t.Error(j.String())
	}
	return b.String()
}

// TestOverview: each member has its line, and what is known of it.
func TestOverview(t *testing.T) {
	s, v := shape()
	got := text(t, s)
	for _, want := range []string{
		"MASTER  ADDRESS        STATE    REPLICAS   SENTINELS  QUORUM  EPOCH\nm       10.0.1.1:6379  warning  1 of 1 up  2 of 2     2       7\n",
		"├─ master    10.0.1.1:6379   up, 1.0 ms away, 7.0.15\n",
		"├─ replica   10.0.1.2:6379   up, 600 bytes behind, priority 100, 1.0 ms away, 7.0.15\n",
		"├─ sentinel  10.0.0.1:26379  up at 10.0.1.1:6379, 1 replica, 1 other Sentinel, redis-sentinel 7.0.15\n",
		"└─ sentinel  10.0.0.2:26379  not asked: it refuses connections\n",
		"   warning: There are two Sentinels",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for name, c := range map[string]struct {
		change func()
		want   string
	}{
		"down":   {func() { v.Fields["flags"] = "s_down,o_down,master" }, "DOWN, say 1 of 1"},
		"agreed": {func() {}, "down, by agreement at 10.0.1.1:6379"},
		"failover": {func() {
			v.Fields["flags"], v.Fields["failover-state"] = "master,failover_in_progress", "wait_promotion"
		}, "failover under way (wait promotion)"},
		"no link":   {func() { v.Replicas[0]["master-link-status"] = "err" }, "up, no link to the master, priority"},
		"no quorum": {func() { v.Quorum = "NOQUORUM 1 usable Sentinels" }, "no failover possible"},
		"its own":   {func() { s.Servers[1].Info["role"] = "master" }, "it is a master"},
		"hostile":   {func() { v.Fields["name"] = "m\t\x1b[2J\n" }, "m??[2J?"},
	} {
		s, v = shape()
		if name == "agreed" {
			v.Fields["flags"] = "s_down,o_down,master"
		}
		c.change()
		if got := text(t, s); !strings.Contains(got, c.want) || strings.ContainsRune(got, 0x1b) {
			t.Errorf("%s: no %q in\n%s", name, c.want, got)
		}
	}
}

// TestNobody: with nothing to show, what is wrong is still said.
func TestNobody(t *testing.T) {
	s := &survey.Survey{Strangers: []*survey.Node{{Addr: "10.0.0.1:80", Problem: &survey.Problem{Cause: survey.HTTP, Text: "it is an HTTP server"}}}}
	if got := text(t, s); !strings.Contains(got, "danger at 10.0.0.1:80: It could not be asked: it is an HTTP server.") {
		t.Error(got)
	}
}
