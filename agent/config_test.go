package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

const exampleFile = "../agent.toml.example"

// TestExampleFile: the file is right as it stands, and with every key that is commented
// out; and it has every key that there is.
func TestExampleFile(t *testing.T) {
	text := read(t, exampleFile)
	cfg, err := Parse("agent.toml.example", []byte(text), "/etc/gosentinel")
	must(t, err)
	kinds := map[string]bool{}
	for _, target := range cfg.Targets {
		kinds[target.common().Type] = true
	}
	must(t, cfg.complete()) // what was completed is still right
	if len(cfg.Targets) != 8 || len(kinds) != 8 || len(cfg.groups()) != 2 || cfg.groups()[1].SentinelAccess.Password == "" || cfg.groups()[0].SentinelAccess.Password != "" {
		t.Errorf("%+v", cfg)
	}
	if w := cfg.Targets[1].(*Twemproxy); w.Wait != 200*time.Millisecond || w.Validate.String() != "nutcracker -t -c {file}" || w.Command.String() != "systemctl restart nutcracker" {
		t.Errorf("%+v", w)
	}
	// With what is commented out, except for what excludes something else.
	head, rest, _ := strings.Cut(text, "# -----")
	_, tail, _ := strings.Cut(rest, "\n# -----")
	_, tail, _ = strings.Cut(tail, "\n")
	all := regexp.MustCompile(`(?m)^# ([a-z-]+ = )`).ReplaceAllStringFunc(head+tail, func(line string) string {
		for _, other := range []string{"user", "password-file", "template"} {
			if strings.HasPrefix(line, "# "+other+" =") {
				return line
			}
		}
		return line[2:]
	})
	for _, key := range []string{"poll", "metrics-file", "partial", "names", "role", "ttl", "changes-only", "method", "master-value", "port-name", "sentinels = []", "tls"} {
		if !strings.Contains(all, "\n"+key) {
			t.Errorf("%s is not tried", key)
		}
	}
	if _, err := Parse("agent.toml.example", []byte(all), "/etc/gosentinel"); err != nil {
		t.Error(err)
	}
	for _, key := range allKeys(reflect.TypeFor[Config]()) {
		if !regexp.MustCompile(`(?m)^(# )?(\[\[?([a-z]+\.)?)?` + key + `( = |\])`).MatchString(text) {
			t.Errorf("the example does not have %s", key)
		}
	}
}

// allKeys returns the keys of a struct, and of those of all targets.
func allKeys(of reflect.Type) (keys []string) {
	types := []reflect.Type{of, reflect.TypeFor[GroupConfig](), reflect.TypeFor[HAProxyBackend](), reflect.TypeFor[Access]()}
	for _, make := range kinds {
		types = append(types, reflect.TypeOf(make()).Elem())
	}
	for _, typ := range types {
		for _, f := range reflect.VisibleFields(typ) {
			if key := f.Tag.Get("toml"); key != "" {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

const someTarget = "[[target]]\ntype = \"template\"\nfile = \"f\"\ntext = \"t\"\n"

// TestConfigMistakes: each mistake is told with its line and what to do.
func TestConfigMistakes(t *testing.T) {
	const head = "sentinels = [\"10.0.0.1:26379\"]\nmasters = [\"cache\"]\n"
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":          {head + "pol = \"5s\"\n" + someTarget, `a.toml:3: unknown key "pol" (did you mean "poll"?)`},
		"unknown key deeper":   {head + someTarget + "comand = []\n", `a.toml:7: unknown key "comand" in [[target]] (did you mean "command"?)`},
		"key of another type":  {head + someTarget + "socket = \"s\"\n", `a.toml:7: unknown key "socket" in [[target]]`},
		"unknown type":         {head + "[[target]]\ntype = \"twenproxy\"\n", `a.toml:4: a target of type "twenproxy" (did you mean "twemproxy"?)`},
		"no type":              {head + "[[target]]\nfile = \"f\"\n", `a.toml:3: a target of type "" (types are: exec, haproxy, hosts, kubernetes, template, twemproxy, webhook, zone)`},
		"no target":            {head, `a.toml: nothing to do: there is no target`},
		"no Sentinel":          {"masters = [\"cache\"]\n" + someTarget, `nobody says which Sentinels watch "cache" (add sentinels = [`},
		"no group, no place":   {someTarget, `nobody says which Sentinels to ask`},
		"unknown group":        {head + someTarget + "groups = [\"cahce\"]\n", `a.toml:7: there is no group "cahce" (did you mean "cache"?)`},
		"two groups":           {head + "[[group]]\nmaster = \"cache\"\n" + someTarget, `a.toml:3: two groups are called "cache"`},
		"group without master": {head + "[[group]]\nname = \"x\"\n" + someTarget, `a.toml:3: a group without the name of its master`},
		"group's access":       {head + "[[group]]\nmaster = \"q\"\n[group.sentinel-access]\nusr = \"x\"\n" + someTarget, `a.toml:6: unknown key "usr" in [group.sentinel-access]`},
		"user alone":           {head + "[server-access]\nuser = \"u\"\n" + someTarget, `a.toml:4: there is a user without a password`},
		"TLS is off":           {head + "[server-access]\nca = \"c\"\n" + someTarget, `there are settings of TLS, and TLS is off (add tls = true)`},
		"two passwords":        {head + "[server-access]\npassword = \"sEcReT\"\npassword-file = \"f\"\n" + someTarget, `a.toml:5: there are a password and a password-file`},
		"template":             {head + "[[target]]\ntype = \"template\"\nfile = \"f\"\ntext = \"{{ grup }}\"\n", `a.toml:6: template: text:1: function "grup" not defined`},
		"two templates":        {head + someTarget + "template = \"x\"\n", `a template target needs a file, named by template, or a text`},
		"no template":          {head + "[[target]]\ntype = \"template\"\nfile = \"f\"\ntemplate = \"none\"\n", `a.toml:6: open /etc/none: no such file`},
		"no file":              {head + "[[target]]\ntype = \"hosts\"\n", `a.toml:3: the target does not say which file to write`},
		"mode":                 {head + someTarget + "mode = \"rw\"\n", `a.toml:7: mode "rw" is no file mode (write it like "0640")`},
		"command":              {head + someTarget + "command = 5\n", `a.toml:7: command: a command is ["program", "argument"], or "a line for the shell"`},
		"haproxy":              {head + "[[target]]\ntype = \"haproxy\"\n", `the target says neither socket nor file`},
		"haproxy command":      {head + "[[target]]\ntype = \"haproxy\"\nsocket = \"s\"\nfile = \"f\"\ncommand = \"x\"\n", `a.toml:7: there are a socket and a command`},
		"haproxy role":         {head + "[[target]]\ntype = \"haproxy\"\nsocket = \"s\"\n[[target.backend]]\nname = \"b\"\ngroup = \"cache\"\nrole = \"slave\"\n", `role "slave" of backend b (it is "master" or "replicas")`},
		"haproxy name":         {head + "[[target]]\ntype = \"haproxy\"\nsocket = \"s\"\n[[target.backend]]\nname = \"b;x\"\ngroup = \"cache\"\n", `cannot be one of HAProxy`},
		"webhook":              {head + "[[target]]\ntype = \"webhook\"\nurl = \"example.com?key=sEcReT\"\n", `a.toml:5: the url is none for HTTP`},
		"exec":                 {head + "[[target]]\ntype = \"exec\"\n", `the target does not say what to run`},
		"kubernetes":           {head + "[[target]]\ntype = \"kubernetes\"\napi = \"https://h\"\nselector = \"a=b\"\n", `selector and label belong together`},
		"ttl":                  {head + "[[target]]\ntype = \"hosts\"\nfile = \"f\"\nttl = 5\n", `has no ttl`},
		"two targets":          {head + someTarget + someTarget, `two targets are called "template /etc/f" (give one of them a name)`},
		"poll":                 {"poll = \"1ms\"\n" + head + someTarget, `a.toml:1: poll is 1ms`},
	} {
		_, err := Parse("a.toml", []byte(c.text), "/etc")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		} else if strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse("a.toml", []byte(head+someTarget), "/etc"); err != nil {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	path := write(t, "a.toml", "sentinels = [\"10.0.0.1\"]\nmasters = [\"cache\"]\n"+someTarget)
	cfg, err := Load(path)
	must(t, err)
	if got := cfg.Targets[0].(*Template).File; got != filepath.Join(filepath.Dir(path), "f") {
		t.Error(got)
	}
	if _, err := Load(path + "x"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestNoPasswords: printing a Config tells no password.
func TestNoPasswords(t *testing.T) {
	a := Access{User: "u", Password: "sEcReT"}
	if text := fmt.Sprintf("%v %+v %#v", a, a, a); strings.Contains(text, "sEcReT") || !strings.Contains(text, "u with a password") {
		t.Error(text)
	}
}

// TestGroupsOfFiles: without any group, the names of servers are those of groups.
func TestGroupsOfFiles(t *testing.T) {
	cfg := &Config{Sentinels: []string{"10.0.0.1"}, Targets: []Target{
		&Twemproxy{FileSettings: FileSettings{File: write(t, "n.yml", seedPool)}},
		&HAProxy{FileSettings: FileSettings{File: write(t, "h.cfg", haproxyCfg)}},
	}}
	a, err := New(cfg)
	must(t, err)
	var names []string
	for _, g := range a.Snapshot() {
		names = append(names, g.Name)
	}
	if got := strings.Join(names, " "); got != "other redis1 redis2 cache r1 r2 r3" {
		t.Error(got)
	}
	_, err = New(&Config{Sentinels: []string{"10.0.0.1"}, Targets: []Target{&Exec{Command: Program("true")}}})
	if err == nil || !strings.Contains(err.Error(), `no group: add masters = ["…"]`) {
		t.Error(err)
	}
	_, err = New(&Config{Masters: []string{"a b"}, Sentinels: []string{"10.0.0.1"}, Targets: []Target{&Exec{Command: Program("true")}}})
	if err == nil || !strings.Contains(err.Error(), "group a b: discovery: the options are wrong") {
		t.Error(err)
	}
}
