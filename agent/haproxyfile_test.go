package agent

import (
	"strings"
	"testing"
)

const haproxyCfg = `global
	stats socket /tmp/none.sock level admin # not: server x 1.1.1.1:1
defaults
	mode tcp
	timeout connect 1s
	timeout client 1m
	timeout server 1m
listen cache-in
	bind 127.0.0.1:7000
	server cache 10.9.9.9:6379 check inter 1s  # the master
backend reads
	server r1 10.0.0.2:6379 check
	server r2 10.0.0.3:6379 disabled check
	server r3 10.0.0.4:6379
frontend f
	bind 127.0.0.1:7001
	default_backend reads
`

func renderHAProxy(t *testing.T, h *HAProxy, text string, s Snapshot) string {
	t.Helper()
	b, _, err := h.render([]byte(text), s)
	must(t, err)
	return string(b)
}

func TestHAProxyFile(t *testing.T) {
	s := Snapshot{known("cache", "10.0.0.1", 6380, Server{"10.0.0.4", 6379}, Server{"10.0.0.5", 6379})}
	byName := renderHAProxy(t, &HAProxy{}, haproxyCfg, s)
	if want := strings.Replace(haproxyCfg, "10.9.9.9:6379", "10.0.0.1:6380", 1); byName != want {
		t.Errorf("%s", unified("haproxy.cfg", []byte(want), []byte(byName)))
	}
	h := &HAProxy{Backends: []HAProxyBackend{
		{Name: "cache-in", Group: "cache", Role: roleMaster}, {Name: "reads", Group: "cache", Role: roleReplicas},
	}}
	// A replica keeps its server, another takes the first that is free, and the rest is
	// disabled.
	got := renderHAProxy(t, h, haproxyCfg, s)
	want := strings.NewReplacer("10.9.9.9:6379", "10.0.0.1:6380", "r1 10.0.0.2", "r1 10.0.0.5", "10.0.0.3:6379 disabled check", "10.0.0.3:6379 disabled check").Replace(haproxyCfg)
	if got != want {
		t.Errorf("%s", unified("haproxy.cfg", []byte(want), []byte(got)))
	}
	s[0].Replicas = []Server{{"10.0.0.3", 6379}}
	got = renderHAProxy(t, h, got, s)
	want = strings.NewReplacer("10.9.9.9:6379", "10.0.0.1:6380", "r1 10.0.0.2:6379 check", "r1 10.0.0.5:6379 check disabled",
		"10.0.0.3:6379 disabled check", "10.0.0.3:6379 check", "r3 10.0.0.4:6379", "r3 10.0.0.4:6379 disabled").Replace(haproxyCfg)
	if got != want {
		t.Errorf("%s", unified("haproxy.cfg", []byte(want), []byte(got)))
	}
	if again := renderHAProxy(t, h, got, s); again != got {
		t.Error("it is not the same a second time")
	}
	// IPv6, and no replica left.
	s[0].Master, s[0].Replicas, h.Backends[1].Fallback = Server{"fe80::1", 6379}, nil, true
	got = renderHAProxy(t, h, got, s)
	if !strings.Contains(got, "server cache [fe80::1]:6379 check inter 1s  # the master\n") || !strings.Contains(got, "server r1 [fe80::1]:6379 check\n") {
		t.Error(got)
	}
	accepts(t, "haproxy", "-c", "-f", write(t, "haproxy.cfg", got))
}

func TestHAProxyMistakes(t *testing.T) {
	s := Snapshot{known("queue", "10.0.0.1", 6380)}
	for want, h := range map[string]*HAProxy{
		"no server has the name of a group":       {},
		"there is no server x in backend reads":   {Backends: []HAProxyBackend{{Name: "reads", Group: "queue", Servers: []string{"x"}}}},
		"there is no backend write with a server": {Backends: []HAProxyBackend{{Name: "write", Group: "queue"}}},
	} {
		if _, _, err := h.render([]byte(haproxyCfg), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestHAProxyWords(t *testing.T) {
	for line, want := range map[string]string{
		"  server a\tb # c":   "server|a|b",
		`server "a # b" c\ d`: `server|"a # b"|c\ d`,
		`x 'a\' b`:            `x|'a\'|b`,
		"":                    "",
		"# x":                 "",
	} {
		var got []string
		for _, w := range wordsOf(line) {
			got = append(got, w.text)
			if line[w.begin:w.begin+len(w.text)] != w.text {
				t.Errorf("%q: %q is not at %d", line, w.text, w.begin)
			}
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestServersState(t *testing.T) {
	slots, err := parseServersState("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_port\n3 b 1 s 10.0.0.1 2 0 6379\n3 b 2 t :: 2 1 6380\n\n")
	if err != nil || len(slots) != 2 || slots[0] != (slot{backend: "b", name: "s", at: "10.0.0.1:6379"}) || !slots[1].off || slots[1].at != "[::]:6380" {
		t.Errorf("%+v %v", slots, err)
	}
	for _, bad := range []string{"", "Unknown command\n", "1\n", "1\n# be_name srv_name srv_admin_state\nb s\n", "1\n# be_name srv_name srv_admin_state\nb s x\n", "HTTP/1.0 400 Bad request\r\n"} {
		if _, err := parseServersState(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
