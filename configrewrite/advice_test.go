package configrewrite

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestAdvice: what is legal and will most likely not do what is wanted is named,
// with its line and what to write; what is sound is not.
func TestAdvice(t *testing.T) {
	const (
		master    = "bind 127.0.0.1\nsentinel monitor m 10.0.0.1 6379 2\n"
		sentinels = "sentinel known-sentinel m 10.0.0.5 26379 " + idA + "\nsentinel known-sentinel m 10.0.0.6 26379 " + idB + "\n"
		replicas  = "sentinel known-replica m 10.0.0.2 6379\nsentinel known-replica m 10.0.0.3 6379\n"
	)
	with := func(quorum string) string { return strings.Replace(master, "6379 2", "6379 "+quorum, 1) }
	tomlMaster := func(options string) string {
		return "[server]\nbind = [\"::1\"]\n[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n" + options
	}
	kind := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	for _, c := range []struct {
		format Format
		text   string
		closed bool // clients need a password
		want   []string
	}{
		{text: master},
		{text: "sentinel monitor m 10.0.0.1 6379 2\n", want: []string{"s: clients of other machines need no password; write: requirepass <password>, or bind 127.0.0.1"}},
		{text: "port 5\n# c\nbind 10.0.0.1 127.0.0.1\n", want: []string{"s:3: clients of other machines need no password"}},
		{text: "port 5\n", want: []string{"s:1: clients"}},
		{text: "bind 10.0.0.1\n", closed: true},
		{text: "bind 10.0.0.1\nprotected-mode yes\n"},
		{text: "bind -127.0.0.1 -::1 localhost 127.0.0.2\n"},
		{text: "bind -::*\n", want: []string{"s:1: clients"}},
		{text: "bind 0.0.0.0\nport 0\nunixsocket /tmp/s\n"},
		{text: "port 0\ntls-port 5\n"},
		{text: "port 0\ntls-port 5\ntls-auth-clients no\n", want: []string{"s:1: clients"}},
		{text: "tls-port 5\ntls-auth-clients yes\n", want: []string{"s: clients"}},
		{format: FormatTOML, text: "[server]\nport = 5\n", want: []string{`s:2: clients of other machines need no password; write: requirepass = "<password>", or bind = ["127.0.0.1"]`}},

		{text: "bind 127.0.0.1\nhttp-port 9\n"},
		{text: "bind 127.0.0.1\nhttp-port 9\nhttp-bind *\n", want: []string{"s:3: the status page and the metrics can be read from other machines without a password; write: http-password <password>, or http-bind 127.0.0.1"}},
		{text: "bind 127.0.0.1\nhttp-port 9\nhttp-bind *\nhttp-token x\n"},
		{text: "bind 127.0.0.1\nhttp-user ops\nhttp-password x\n"},
		{text: "bind 127.0.0.1\nhttp-user ops\n", want: []string{"s:2: http-user has no effect without http-password: nobody is asked for a user; write: http-password <password>"}},

		{text: with("1"), want: []string{"s:2: master m: with quorum 1, one Sentinel that loses its connection is enough to call the master down; write a quorum of 2, with three Sentinels"}},
		{text: with("4")}, // nobody is known yet
		{text: with("9"), want: []string{"s:2: master m: quorum is 9, and no other Sentinel is known yet: no failover can begin before there are 9 of them; with three Sentinels write a quorum of 2"}},
		{text: with("5") + sentinels[:strings.Index(sentinels, "\n")+1], want: []string{"s:2: master m: quorum is 5, and only 2 Sentinels are known"}},
		{text: with("3") + sentinels},
		{text: with("4") + sentinels, want: []string{"s:2: master m: quorum is 4, and only 3 Sentinels are known, this one included: no failover can begin; start the missing ones, or write a quorum of 2"}},
		{text: sentinels + with("1"), want: []string{"s:4: master m: with quorum 1"}},
		{format: FormatTOML, text: strings.Replace(tomlMaster(""), "quorum = 2", "quorum = 1", 1), want: []string{"s:7: master m: with quorum 1"}},

		{text: master + "sentinel down-after-milliseconds m 100\n"},
		{text: master + "# c\nsentinel down-after-milliseconds m 99\n", want: []string{"s:4: master m: down-after is 99ms: an answer that is a little late counts as a failure; write: sentinel down-after-milliseconds m 1000"}},
		{format: FormatTOML, text: tomlMaster("down-after = \"99ms\"\n"), want: []string{`s:8: master m: down-after is 99ms: an answer that is a little late counts as a failure; write: down-after = "1s"`}},
		{text: master + "sentinel failover-timeout m 90000\n"},
		{text: master + "sentinel failover-timeout m 89999\n", want: []string{"s:3: master m: failover-timeout is 1m29.999s, less than three times down-after (30s): a failover may be given up before it is done; write: sentinel failover-timeout m 90000"}},
		{text: master + "sentinel down-after-milliseconds m 60001\n", want: []string{"s:3: master m: failover-timeout is 3m0s, less than three times down-after (1m0.001s)"}},
		{text: master + "sentinel down-after-milliseconds m 50\nsentinel failover-timeout m 100\n", want: []string{"s:3: master m: down-after is 50ms", "write: sentinel failover-timeout m 3000"}},
		{text: master + "sentinel down-after-milliseconds m 9223372036854\n", want: []string{"less than three times down-after"}},
		{format: FormatTOML, text: tomlMaster("failover-timeout = \"5s\"\n"), want: []string{`write: failover-timeout = "1m30s"`}},

		{text: master + "sentinel parallel-syncs m 9\n"}, // none is known yet
		{text: master + replicas + "sentinel parallel-syncs m 2\n"},
		{text: master + replicas + "sentinel parallel-syncs m 3\n", want: []string{"s:5: master m: parallel-syncs is 3, more than the known replicas (2): after a failover all of them load the data at once and serve nobody; write: sentinel parallel-syncs m 1"}},

		{text: with("1") + "sentinel monitor other 10.0.0.9 6379 1\nsentinel failover-timeout other 1\n",
			want: []string{"s:2: master m: with quorum 1", "s:3: master other: with quorum 1", "s:4: master other: failover-timeout is 1ms"}},
	} {
		src := pureSource(c.format)
		src.Name = "s"
		f := &File{path: "s", doc: mustParse(t, c.text, src)}
		var got []string
		for _, a := range f.Advice(!c.closed) {
			got = append(got, a.String())
		}
		same := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			same = same && strings.Contains(got[i], c.want[i])
		}
		if !same {
			t.Errorf("%s\nadvice %q\nwant   %q", c.text, got, c.want)
		}
		for _, a := range f.Advice(true) {
			if strings.Contains(fmt.Sprint(a), "\n") || a.Hint == "" || !kind.MatchString(a.Kind) {
				t.Errorf("not one line with a hint: %q", a)
			}
		}
	}
}
