package discovery

import (
	"fmt"
	"strings"
	"testing"
)

// parsed reads replies from their bytes.
func parsed(t *testing.T, wire ...string) []reply {
	t.Helper()
	rd := newReader(strings.NewReader(strings.Join(wire, "")))
	list := make([]reply, len(wire))
	for i := range list {
		var err error
		if list[i], err = rd.read(); err != nil {
			t.Fatalf("%q: %v", wire[i], err)
		}
	}
	return list
}

// What Sentinels of other releases and users of few rights leave out is no
// obstacle; what contradicts itself is.
func TestAnswers(t *testing.T) {
	const (
		none   = "-ERR unknown\r\n"
		empty  = "*0\r\n"
		masked = "-NOPERM no\r\n"
	)
	addr, other := bulks("H.example", "6379"), bulks("10.0.0.2", "6379")
	fields := bulks("config-epoch", "7", "config-epoch", "9")
	replica := arrays(
		bulks("ip", "10.0.0.3", "port", "1", "flags", "slave", "master-link-status", "ok"),
		bulks("ip", "10.0.0.4", "port", "1", "flags", "slave,disconnected", "master-link-status", "ok"),
		bulks("ip", "10.0.0.5", "port", "1", "flags", "slave", "master-link-status", "err"),
		bulks("ip", "", "port", "1"), bulks("ip", "10.0.0.6", "port", "x"), bulks("odd"), ":1\r\n")
	for _, c := range []struct {
		name string
		wire []string
		want string // or a part of the error
	}{
		{"all", []string{addr, fields, addr, replica, arrays(bulks("ip", "10.0.0.9", "port", "26379", "runid", "r")), "$2\r\nme\r\n"},
			"{me h.example:6379 7 [{10.0.0.3:1 true} {10.0.0.4:1 false} {10.0.0.5:1 false}] [{10.0.0.9:26379 r}]}"},
		{"little", []string{addr, fields, addr, masked, none, none}, "{ h.example:6379 7 [] []}"},
		{"a bad id", []string{addr, fields, addr, empty, empty, "$3\r\na b\r\n"}, "{ h.example:6379 7 [] []}"},
		{"changing", []string{addr, fields, other, empty, empty, none}, "changing the master"},
		{"unknown name", []string{"*-1\r\n", none, "*-1\r\n", none, none, none}, "does not know a master"},
		{"forgotten meanwhile", []string{addr, fields, "*-1\r\n", none, none, none}, "does not know a master"},
		{"no right to ask", []string{masked, masked, masked, masked, masked, masked}, "NOPERM"},
		{"no right to ask for the epoch", []string{addr, masked, addr, empty, empty, none}, "NOPERM"},
		{"no epoch", []string{addr, bulks("ip", "x"), addr, empty, empty, none}, `config-epoch "" is no number`},
		{"negative epoch", []string{addr, bulks("config-epoch", "-1"), addr, empty, empty, none}, "is no number"},
		{"no fields", []string{addr, bulks("a"), addr, empty, empty, none}, "this is no Sentinel"},
		{"nested fields", []string{addr, "*2\r\n*0\r\n*0\r\n", addr, empty, empty, none}, "this is no Sentinel"},
		{"no address", []string{bulks("", "0"), fields, addr, empty, empty, none}, "is no address"},
		{"three words", []string{bulks("a", "1", "b"), fields, addr, empty, empty, none}, "this is no Sentinel"},
	} {
		a, err := parseAnswer(parsed(t, c.wire...))
		if got := fmt.Sprint(a); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

// However long a list is, so much of it is kept.
func TestListsAreBounded(t *testing.T) {
	var list []string
	for i := range 1000 {
		list = append(list, bulks("ip", fmt.Sprint("h", i), "port", "1"))
	}
	addr := bulks("h", "1")
	a, err := parseAnswer(parsed(t, addr, bulks("config-epoch", "1"), addr, arrays(list...), arrays(list...), "*0\r\n"))
	if err != nil || len(a.replicas) != maxMembers || len(a.sentinels) != maxMembers {
		t.Errorf("%d replicas, %d Sentinels, %v", len(a.replicas), len(a.sentinels), err)
	}
}

func TestRoles(t *testing.T) {
	for wire, want := range map[string]string{
		aMaster:                           "{master false}",
		aReplica:                          "{slave true}",
		aLoner:                            "{slave false}",
		"*2\r\n$8\r\nsentinel\r\n*0\r\n":  "{sentinel false}",
		"*1\r\n$5\r\nslave\r\n":           "{slave false}",
		"*1\r\n$3\r\nboo\r\n":             `ROLE says "boo"`,
		"*0\r\n":                          "not of a Redis server",
		"*1\r\n:1\r\n":                    "not of a Redis server",
		"+master\r\n":                     "not of a Redis server",
		"-NOPERM no permissions\r\n":      "NOPERM",
		"-LOADING Redis is loading\r\n":   "LOADING",
		"-ERR unknown command 'ROLE'\r\n": "unknown command",
	} {
		got, err := parseRole(parsed(t, wire)[0])
		if s := fmt.Sprint(got); err == nil && s != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v; want %s", wire, s, err, want)
		}
	}
}

func TestEventsAboutOthers(t *testing.T) {
	for payload, want := range map[string]bool{
		"cache a 1 b 2": true, "cache2 a 1 b 2": false, "cache": false, "": false, "cache a 1 b 2 c": false,
	} {
		if switched(payload, "cache") != want {
			t.Errorf("%q: %v", payload, !want)
		}
	}
}

// FuzzAnswer feeds what a stranger may answer to the whole exchange.
func FuzzAnswer(f *testing.F) {
	addr := bulks("h", "1")
	f.Add([]byte(addr + bulks("config-epoch", "1") + addr + "*0\r\n*0\r\n$1\r\na\r\n"))
	f.Add([]byte(strings.Repeat("*-1\r\n", 6)))
	f.Fuzz(func(t *testing.T, in []byte) {
		rd := newReader(strings.NewReader(string(in)))
		list := make([]reply, len(questions("m")))
		for i := range list {
			var err error
			if list[i], err = rd.read(); err != nil {
				return
			}
		}
		parseRole(list[0])
		a, err := parseAnswer(list)
		if err == nil && toAddr(a.master, a.epoch).String() != a.master {
			t.Errorf("%q became %q", a.master, toAddr(a.master, a.epoch))
		}
	})
}
