package proxy

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestExample: the example loads, and so it does with every comment taken for real.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../proxy.toml.example")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse("proxy.toml.example", text)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if after, is := strings.CutPrefix(line, "#"); is && !strings.HasPrefix(after, " ") && strings.Contains(after, "=") {
			line = after
		}
		all = append(all, line)
	}
	full := strings.Join(all, "")
	full = strings.NewReplacer(`zone = "east"`, "", `announce = "proxy.example:6379"`, "", `max-lag = "1s"`, "", `balance = "round-robin"`, "", "read-your-writes = false", "").Replace(full)
	full = strings.ReplaceAll(full, `, cert-file = "", key-file = "", server-name = "" }`, " }")
	full = strings.ReplaceAll(full, `ca-file = "" }`, "}")
	full = strings.ReplaceAll(strings.ReplaceAll(full, "false, }", "false }"), `{ cert-file = "", key-file = "", }`, "{}")
	d, err := parse("proxy.toml.example", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	// What the comments say is what a file gets that leaves it out.
	shown := func(c *Config) string {
		m, l := c.Masters[0], c.Listeners[0]
		return fmt.Sprint(c.Workers, c.Sentinels, c.Hold, c.Limits, m.Name, m.Sentinels, c.Hold.Inflight, m.Inflight == "" || m.Inflight == c.Hold.Inflight, l.Bind, l.Mode, l.Master)
	}
	if shown(c) != shown(d) {
		t.Errorf("with the defaults written out:\n%s\nwithout:\n%s", shown(d), shown(c))
	}
	for _, key := range keysOf(reflect.TypeFor[Config]()) {
		if !strings.Contains(string(text), key) {
			t.Errorf("the example does not have %s", key)
		}
	}
}

// keysOf returns the keys that a struct has in a file, and those of its tables.
func keysOf(s reflect.Type) (keys []string) {
	for i := range s.NumField() {
		f := s.Field(i)
		if f.Tag.Get("toml") == "" {
			continue
		}
		keys = append(keys, f.Tag.Get("toml"))
		of := f.Type
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			keys = append(keys, keysOf(of)...)
		}
	}
	return keys
}

const minimal = "sentinels = [\"a:1\"]\n[[master]]\nname = \"cache\"\n[[listener]]\nbind = \":6379\"\n"

// TestFiles: all that may be renewed is named.
func TestFiles(t *testing.T) {
	c := defaults()
	c.Masters = []MasterConfig{{TLS: ClientTLS{CAFile: "1"}}, {}}
	c.Masters[1].Sentinel.TLS = ClientTLS{Cert: "2", Key: "/3"}
	c.Groups = []GroupConfig{{}}
	c.Groups[0].Sentinel.TLS = ServerTLS{Cert: "4"}
	c.Listeners = []ListenerConfig{{TLS: ServerTLS{Cert: "5", Key: "6", CAFile: "7"}}}
	c.dir = "/d"
	if got := strings.Join(c.Files(), " "); got != "/d/1 /d/2 /3 /d/4 /d/5 /d/6 /d/7" {
		t.Error(got)
	}
}

// TestProblems: what is wrong is said with its line and a hint.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"right", minimal, nil},
		{"empty", "", []string{"proxy.toml: there is no [[master]]", "there is no [[listener]]", `name = "mymaster"`}},
		{"syntax", "workers = \n", []string{"proxy.toml:1: "}},
		{"a slip", strings.Replace(minimal, "name", "nmae", 1), []string{`proxy.toml:3: unknown key "nmae" in [[master]] (did you mean "name"?)`, "proxy.toml:2: a [[master]] has no name"}},
		{"elsewhere", "timeout = \"1s\"\n" + minimal, []string{`proxy.toml:1: unknown key "timeout" (it belongs below [hold])`}},
		{"a number for a time", minimal + "[hold]\ntimeout = 15\n", []string{`proxy.toml:7: timeout is no duration (write it like "500ms", "15s" or "1m30s")`}},
		{"no unit", minimal + "[hold]\ntimeout = \"15\"\n", []string{`proxy.toml:7: timeout is no duration (write it like "500ms", "15s" or "1m30s")`}},
		{"no size", minimal + "[hold]\nbytes = \"64MB\"\n", []string{`proxy.toml:7: bytes: "64MB" is no amount of memory: write it like "64MiB"`}},
		{"nothing waits", minimal + "[hold]\ntimeout = \"0s\"\nbytes = \"0B\"\n", []string{"proxy.toml:7: nothing can wait for 0s (leave it out for 15s)", "proxy.toml:8: hold.bytes is a limit"}},
		{"policy", minimal + "[hold]\ninflight = \"retry\"\n", []string{`proxy.toml:7: inflight = "retry" is unknown`, `it is "error", "retry-idempotent" or "retry-all"`}},
		{"mode", minimal + "mode = \"slaves\"\n", []string{`proxy.toml:6: mode = "slaves" is unknown`}},
		{"another master", minimal + "master = \"cahce\"\n", []string{`proxy.toml:6: there is no [[master]] or [[group]] with the name "cahce" (did you mean "cache"?)`}},
		{"which master", minimal + "[[master]]\nname = \"other\"\n", []string{`proxy.toml:4: a [[listener]] does not say which master it is for`}},
		{"twice", minimal + "[[master]]\nname = \"cache\"\n", []string{`proxy.toml:7: the master "cache" is defined twice`}},
		{"no port", strings.Replace(minimal, ":6379", "localhost", 1), []string{`bind = "localhost" is no address`}},
		{"one address", minimal + "[[listener]]\nbind = \":6379\"\n", []string{`two listeners have the address ":6379"`}},
		{"no Sentinels", strings.Replace(minimal, "sentinels", "#", 1), []string{`nobody is there to be asked for the master "cache"`}},
		{"TLS off", strings.Replace(minimal, "[[listener]]", "tls = {ca-file = \"x\"}\n[[listener]]", 1), []string{"tls has settings and is not enabled"}},
		{"no certificate", minimal + "tls = {cert-file = \"nowhere.crt\", key-file = \"nowhere.key\"}\n", []string{"nowhere.crt"}},
		{"nothing to tell", minimal + "mode = \"sentinel\"\n", []string{`proxy.toml:4: no listener leads to the master "cache"`, `announce = "host:port"`}},
		{"told another way", minimal + "mode = \"sentinel\"\nannounce = \"h:1\"\n", nil},
		{"user alone", minimal + "user = \"me\"\n", []string{"a listener has a user and no password"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse("proxy.toml", []byte(c.text))
			if (err == nil) != (c.want == nil) {
				t.Fatalf("error %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error\n%v\nlacks\n%s", err, w)
				}
			}
		})
	}
	secret := ListenerConfig{Password: "hidden"}
	if text := fmt.Sprintf("%v %+v %#v", secret, secret, secret); strings.Contains(text, "hidden") {
		t.Error(text)
	}
}
