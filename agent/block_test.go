package agent

import (
	"errors"
	"strings"
	"testing"
)

func renderBlock(t *testing.T, b *Block, text string, s Snapshot) string {
	t.Helper()
	out, _, err := b.render([]byte(text), s)
	must(t, err)
	return string(out)
}

func TestHosts(t *testing.T) {
	b := &Block{Common: Common{Type: "hosts"}, MasterNames: []string{"{group}", "{group}.local"}, ReplicaNames: []string{"{group}-replica"}}
	s := Snapshot{known("cache", "10.0.0.1", 6379, Server{"10.0.0.2", 6379}, Server{"10.0.0.3", 6379}), {Name: "queue"}}
	got := renderBlock(t, b, "127.0.0.1 localhost", s)
	const want = `127.0.0.1 localhost
# BEGIN gosentinel (do not edit between these lines)
10.0.0.1 cache # cache
10.0.0.1 cache.local # cache
10.0.0.2 cache-replica # cache
10.0.0.3 cache-replica # cache
# END gosentinel
`
	if got != want {
		t.Errorf("%s", unified("hosts", []byte(want), []byte(got)))
	}
	// The block stays where it is. A group that is not known now keeps its lines.
	moved := "# head\n" + strings.TrimPrefix(want, "127.0.0.1 localhost\n") + "::1 ip6-localhost\n"
	s = Snapshot{{Name: "cache"}, known("queue", "10.0.0.9", 1)}
	got = renderBlock(t, b, moved, s)
	if want := strings.Replace(moved, "# END", "10.0.0.9 queue # queue\n10.0.0.9 queue.local # queue\n# END", 1); got != want {
		t.Errorf("%s", unified("hosts", []byte(want), []byte(got)))
	}
	if again := renderBlock(t, b, got, s); again != got {
		t.Error("it is not the same a second time")
	}
	var wait *waiting
	if _, _, err := b.render(nil, Snapshot{{Name: "cache"}}); !errors.As(err, &wait) {
		t.Error(err)
	}
	if _, _, err := b.render(nil, Snapshot{known("cache", "redis-0.redis", 1)}); err == nil || !strings.Contains(err.Error(), "announce-hostnames") {
		t.Error(err)
	}
	if _, _, err := b.render([]byte("# BEGIN gosentinel (do not edit between these lines)\n1.1.1.1 x\n"), s); err == nil || !strings.Contains(err.Error(), "END gosentinel") {
		t.Error(err)
	}
	if _, _, err := b.render([]byte(want+want), s); err == nil || !strings.Contains(err.Error(), "two lines") {
		t.Error(err)
	}
}

const zone = `$ORIGIN redis.example.
$TTL 60
@ IN SOA ns.example. admin.example. ( ; serial 1
	2026113001 ; serial
	3600 600 86400 60 )
@ IN NS ns.example.
`

func TestZone(t *testing.T) {
	b := &Block{Common: Common{Type: "zone"}, MasterNames: []string{"{group}"}, ReplicaNames: []string{"{group}-ro"}, TTL: 5}
	s := Snapshot{known("cache", "10.0.0.1", 6379, Server{"fe80::2", 6379}, Server{"10.0.0.3", 6379}), known("queue", "redis-3.example", 1)}
	got := renderBlock(t, b, zone, s)
	want := strings.Replace(zone, "2026113001", "2026113002", 1) + `; BEGIN gosentinel (do not edit between these lines)
cache 5 IN A 10.0.0.1 ; cache
cache-ro 5 IN AAAA fe80::2 ; cache
cache-ro 5 IN A 10.0.0.3 ; cache
queue 5 IN CNAME redis-3.example. ; queue
; END gosentinel
`
	if got != want {
		t.Errorf("%s", unified("zone", []byte(want), []byte(got)))
	}
	if again := renderBlock(t, b, got, s); again != got {
		t.Error("the serial number is raised although nothing changes")
	}
	s[1].Replicas = []Server{{"redis-1.example", 1}, {"redis-2.example", 1}}
	if _, _, err := b.render([]byte(zone), s); err == nil || !strings.Contains(err.Error(), "redis-1.example is a name") {
		t.Error("two aliases of one name:", err)
	}
	s = s[:1]
	for _, text := range []string{"", "@ IN A 1.1.1.1\n", "@ IN SOA a. b. x 1 1 1 1\n", "@ IN SOA a. b. 99999999999 1 1 1 1\n"} {
		if _, _, err := b.render([]byte(text), s); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, _, err := b.render(nil, s); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
	if got := renderBlock(t, b, "@ SOA a. b. 4294967295 1 1 1 1\n", s); !strings.HasPrefix(got, "@ SOA a. b. 0 1") {
		t.Error(got)
	}
}
