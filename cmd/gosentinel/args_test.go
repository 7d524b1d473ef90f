package main

import (
	"reflect"
	"testing"
)

func TestParseArgs(t *testing.T) {
	for _, c := range []struct {
		args      []string
		path      string
		overrides []string
		fails     bool
	}{
		{args: []string{"s.conf"}, path: "s.conf"},
		{args: []string{"s.conf", "--sentinel"}, path: "s.conf"},
		{args: []string{"s.conf", "--port", "5000"}, path: "s.conf", overrides: []string{`port "5000"`}},
		{args: []string{"s.conf", "--sentinel", "--port", "5000"}, path: "s.conf", overrides: []string{`port "5000"`}},
		{
			args: []string{"s.conf", "--sentinel", "monitor", "b", "127.0.0.1", "5", "2", "--loglevel", "debug"},
			path: "s.conf", overrides: []string{`sentinel "monitor" "b" "127.0.0.1" "5" "2"`, `loglevel "debug"`},
		},
		{args: []string{"s.conf", "--requirepass", "--odd pass\"word"}, path: "s.conf", overrides: []string{`requirepass "--odd pass\"word"`}},
		{args: []string{"s.conf", "port", "1"}, fails: true},
		{args: []string{"--port", "1"}, fails: true},
		{args: nil, fails: true},
	} {
		inv, err := parseArgs(c.args)
		if (err != nil) != c.fails {
			t.Errorf("%q: error %v", c.args, err)
			continue
		}
		if !c.fails && (inv.path != c.path || !reflect.DeepEqual(inv.overrides, c.overrides)) {
			t.Errorf("%q: got %q %q", c.args, inv.path, inv.overrides)
		}
	}
}
