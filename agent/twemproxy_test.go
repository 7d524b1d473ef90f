package agent

import (
	"context"
	"strings"
	"testing"
)

// seedPool is the pool of the guide to the Redis-Sentinel TwemProxy agent, with what
// people add to such files.
const seedPool = `# shards
alpha: &defaults
  listen: 127.0.0.1:22121   # clients
  hash: fnv1a_64
  distribution: modula
  auto_eject_hosts: false
  redis: true
  server_retry_timeout: 100
  server_failure_limit: 500
  servers:
   # the first
   - 172.19.111.21:6379:1 redis1

   - "172.19.111.22:6379:3 redis2"  # heavy # machine
   - 172.19.111.23:6379:1 other
   - 172.19.111.24:6379:1
beta:
  listen: 127.0.0.1:22122
  redis: true
  servers:
  - 'fe80::1:6379:2 redis1'
`

func renderTwemproxy(t *testing.T, tw *Twemproxy, text string, s Snapshot) (string, []string, error) {
	t.Helper()
	r := &twemproxyRenderer{tw, quietly().log, map[string]bool{}}
	b, notes, err := r.render([]byte(text), s)
	return string(b), notes, err
}

// TestTwemproxyLines: nothing but addresses changes.
func TestTwemproxyLines(t *testing.T) {
	s := Snapshot{known("redis1", "10.0.0.1", 7001), known("redis2", "10.0.0.22", 7), {Name: "other"}}
	got, notes, err := renderTwemproxy(t, &Twemproxy{}, seedPool, s)
	must(t, err)
	want := strings.NewReplacer("172.19.111.21:6379", "10.0.0.1:7001", "172.19.111.22:6379", "10.0.0.22:7", "fe80::1:6379", "10.0.0.1:7001").Replace(seedPool)
	if got != want {
		t.Errorf("%s", unified("nutcracker.yml", []byte(want), []byte(got)))
	}
	if want := "Updating Master redis1 to 10.0.0.1:7001|Updating Master redis2 to 10.0.0.22:7|Updating Master redis1 to 10.0.0.1:7001"; strings.Join(notes, "|") != want {
		t.Errorf("%q", notes)
	}
	if again, _, err := renderTwemproxy(t, &Twemproxy{}, got, s); err != nil || again != got {
		t.Errorf("it is not the same a second time: %v", err)
	}
	accepts(t, "nutcracker", "-t", "-c", write(t, "n.yml", strings.Replace(got, " &defaults", "", 1)))
}

func TestTwemproxyForms(t *testing.T) {
	s := Snapshot{known("a", "10.0.0.1", 1), known("b", "::1", 2)}
	for name, c := range map[string]struct{ text, want string }{
		"brackets":       {"p:\n  servers: [ 1.1.1.1:6379:1 a, '2.2.2.2:6379:1 b' ] # x\n", "p:\n  servers: [ 10.0.0.1:1:1 a, '::1:2:1 b' ] # x\n"},
		"several lines":  {"p:\n  servers: [1.1.1.1:6379:1 a, # one\n    2.2.2.2:6379:1 b]\n  x: [3.3.3.3:1:1 a]\n", "p:\n  servers: [10.0.0.1:1:1 a, # one\n    ::1:2:1 b]\n  x: [3.3.3.3:1:1 a]\n"},
		"windows":        {"p:\r\n  servers:\r\n    - 1.1.1.1:6379:1 a\r\n", "p:\r\n  servers:\r\n    - 10.0.0.1:1:1 a\r\n"},
		"no end":         {"p:\n  servers:\n  - 1.1.1.1:6379:1 a", "p:\n  servers:\n  - 10.0.0.1:1:1 a"},
		"another list":   {"p:\n  servers:\n  - 1.1.1.1:6379:1 a\n  others:\n  - 1.1.1.1:6379:1 a\n", "p:\n  servers:\n  - 10.0.0.1:1:1 a\n  others:\n  - 1.1.1.1:6379:1 a\n"},
		"a host name":    {"p:\n  servers:\n  - redis.example:6379:100 a\n", "p:\n  servers:\n  - 10.0.0.1:1:100 a\n"},
		"odd lines stay": {"p:\n  servers:\n  - 1.1.1.1:6379 a\n  - 1.1.1.1:6379:1 a b\n  - :6379:1 a\n  - /tmp/s.sock:1 a\n  - 1.1.1.1:6379:1 a\n", "p:\n  servers:\n  - 1.1.1.1:6379 a\n  - 1.1.1.1:6379:1 a b\n  - :6379:1 a\n  - /tmp/s.sock:1 a\n  - 10.0.0.1:1:1 a\n"},
	} {
		if got, _, err := renderTwemproxy(t, &Twemproxy{}, c.text, s); err != nil || got != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.want)
		}
	}
	got, _, err := renderTwemproxy(t, &Twemproxy{Names: map[string]string{"shard-1": "a"}}, "p:\n  servers:\n  - 1.1.1.1:6379:1 shard-1\n", s)
	if err != nil || !strings.Contains(got, "- 10.0.0.1:1:1 shard-1\n") {
		t.Errorf("with other names: %v %s", err, got)
	}
}

func TestTwemproxyMistakes(t *testing.T) {
	s := Snapshot{known("a", "10.0.0.1", 1)}
	for text, want := range map[string]string{
		"":                                    "has no servers",
		"p:\n  x: 1\n":                        "has no servers",
		"p:\n  servers:\n  - 1.1.1.1:1:1 z\n": "no server of n.yml has the name of a group",
	} {
		if _, _, err := renderTwemproxy(t, &Twemproxy{FileSettings: FileSettings{File: "n.yml"}}, text, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	j := onlyJob(t, &Twemproxy{FileSettings: FileSettings{File: t.TempDir() + "/none.yml"}})
	if _, err := j.plan(context.Background(), s); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
}

func TestTwemproxyNames(t *testing.T) {
	tw := &Twemproxy{FileSettings: FileSettings{File: write(t, "n.yml", seedPool)}}
	if names, err := tw.names(); err != nil || strings.Join(names, " ") != "other redis1 redis2" {
		t.Errorf("%q %v", names, err)
	}
}

// FuzzTwemproxy: whatever the file, only addresses change, and a second time nothing.
func FuzzTwemproxy(f *testing.F) {
	f.Add(seedPool)
	f.Add("p:\n  servers: [1.1.1.1:6379:1 redis1, # x\n '2.2.2.2:6379:1 redis2']")
	s := Snapshot{known("redis1", "10.0.0.1", 7001), known("redis2", "10.0.0.2", 7002)}
	f.Fuzz(func(t *testing.T, text string) {
		got, _, err := renderTwemproxy(t, &Twemproxy{}, text, s)
		if err != nil {
			return
		}
		before, after := twemproxyServers(text), twemproxyServers(got)
		if len(before) != len(after) || strings.Count(text, "\n") != strings.Count(got, "\n") {
			t.Fatalf("%d servers have become %d", len(before), len(after))
		}
		for i := range before {
			if before[i].name != after[i].name {
				t.Fatalf("server %d has another name", i)
			}
		}
		if again, _, err := renderTwemproxy(t, &Twemproxy{}, got, s); err != nil || again != got {
			t.Fatalf("it is not the same a second time: %v", err)
		}
	})
}
