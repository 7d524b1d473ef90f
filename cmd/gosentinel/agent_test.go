package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/sentineltest"
)

// agentConfig writes a configuration that keeps a file at the master.
func agentConfig(t *testing.T, c *sentineltest.Cluster) (path, file string) {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("sentinels = [%q]\nmasters = [%q]\n[[target]]\ntype = \"template\"\nfile = \"redis.env\"\ntext = 'MASTER={{ (group %q).Master }}'\n",
		c.Addrs()[0], c.Name(), c.Name())
	return writeFile(t, dir, "agent.toml", text), filepath.Join(dir, "redis.env")
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// startAgent starts the daemon's program as an agent.
func startAgent(t *testing.T, args ...string) *process {
	t.Helper()
	p := newProcess(t)
	p.Args = append([]string{p.Args[0], "agent"}, args...)
	return p.start()
}

func TestAgentOnce(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	path, file := agentConfig(t, c)
	want := "MASTER=" + c.Master().Addr()
	got := runProgram(t, "", "gosentinel", "agent", path, "-dry-run")
	if got.status != 0 || !strings.Contains(got.stdout, "\n+"+want+"\n") || got.stderr != "" || contents(t, file) != "" {
		t.Errorf("-dry-run: %+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "agent", "-once", path); got != (outcome{}) || contents(t, file) != want {
		t.Errorf("-once: %+v %q", got, contents(t, file))
	}
	// As a client-reconfig-script.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(c.Master().Addr(), ":")
	if got := runProgram(t, "", "gosentinel", "agent", path, c.Name(), "leader", "start", "10.0.0.1", "6379", host, port); got != (outcome{}) || contents(t, file) != want {
		t.Errorf("client-reconfig-script: %+v %q", got, contents(t, file))
	}
	// What may work later has another status than what will not.
	if got := runProgram(t, "", "gosentinel", "agent", path, "other", "leader", "start", "10.0.0.1", "6379", host, port); got.status != 1 || !strings.Contains(got.stderr, `no group has the master "other"`) {
		t.Errorf("another master: %+v", got)
	}
	other := writeFile(t, t.TempDir(), "agent.toml", strings.ReplaceAll(contents(t, path), c.Name(), "other"))
	if got := runProgram(t, "", "gosentinel", "agent", other, "-once", "-wait", "500ms"); got.status != 1 || !strings.Contains(got.stderr, "group other: ") || !strings.Contains(got.stderr, "does not know a master of that name") {
		t.Errorf("unknown master: %+v", got)
	}
}

func TestAgentMistakes(t *testing.T) {
	dir := t.TempDir()
	bad := writeFile(t, dir, "bad.toml", "sentinels = [\"10.0.0.1\"]\nmaster = [\"a\"]\n")
	for name, c := range map[string]struct {
		args   []string
		stderr string
	}{
		"key":       {[]string{bad}, bad + `:2: unknown key "master" (did you mean "masters"?)`},
		"file":      {[]string{dir + "/none"}, "no such file or directory"},
		"words":     {[]string{bad, "x", "y"}, "it takes a FILE, and nothing else or the seven arguments"},
		"port":      {[]string{bad, "m", "leader", "start", "a", "1", "b", "x"}, `the new port is "x"`},
		"flag":      {[]string{bad, "-onec"}, "flag provided but not defined: -onec"},
		"two files": {[]string{bad, "-f", "n.yml"}, "-f takes the place of FILE"},
		"no pool":   {[]string{"-f", dir + "/n.yml", "-l", ""}, "no such file or directory"},
		"no log":    {[]string{"-f", dir + "/n.yml", "-l", dir + "/none/log"}, "no such file or directory"},
	} {
		if got := runProgram(t, "", append([]string{"gosentinel", "agent"}, c.args...)...); got.status != 2 || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := runProgram(t, "", "gosentinel", "agent", "-help"); got.status != 0 || !strings.HasPrefix(got.stderr, "Usage: gosentinel agent FILE") {
		t.Errorf("-help: %+v", got)
	}
	// A configuration file of a Sentinel may be called agent.
	for _, args := range [][]string{{"agent"}, {"agent", "--port", "1"}, {"agent", "-"}} {
		if inv, err := parseArgs(args, func(string) bool { return true }); err != nil || inv.verb != nil || inv.path != "agent" {
			t.Errorf("%q: %+v %v", args, inv, err)
		}
	}
}

// TestAgentReload: SIGHUP makes it read its file again, and a file with mistakes is not
// taken.
func TestAgentReload(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	path, file := agentConfig(t, c)
	p := startAgent(t, path)
	await(t, "the file", func() bool { return contents(t, file) == "MASTER="+c.Master().Addr() })
	text := contents(t, path)
	change := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGHUP)
	}
	change(strings.Replace(text, "MASTER", "{{", 1))
	await(t, "the mistake is told", func() bool { return strings.Contains(p.stderr.String(), "the old one stays in force") })
	change(strings.Replace(text, "MASTER", "REDIS", 1))
	await(t, "the new file", func() bool { return contents(t, file) == "REDIS="+c.Master().Addr() })
	p.signal(syscall.SIGTERM)
	if got := p.status(); got != 0 {
		t.Errorf("status %d", got)
	}
}

// TestOldAgent: the flags and the lines of the log are those of the Redis-Sentinel TwemProxy
// agent.
func TestOldAgent(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "redis1"})
	dir := t.TempDir()
	pool := writeFile(t, dir, "22121.yml", "beta:\n  listen: 127.0.0.1:22121\n  hash: fnv1a_64\n  distribution: modula\n  redis: true\n  servers:\n    - 172.19.111.21:6379:1 redis1\n")
	log := filepath.Join(dir, "twemproxy_sentinel.log")
	host, port, _ := strings.Cut(c.Addrs()[0], ":")
	p := startAgent(t, "-h", host, "-p", port, "-f", pool, "-c", "echo done", "-l", log)
	await(t, "the file", func() bool { return strings.Contains(contents(t, pool), "    - "+c.Master().Addr()+":1 redis1\n") })
	await(t, "the restart", func() bool { return strings.Contains(contents(t, log), "TwemProxy restarted with output: done") })
	c.Master().Kill()
	await(t, "the switch", func() bool { return strings.Count(contents(t, log), "TwemProxy restarted with output: done") == 2 })
	pattern := `(?s)` + strings.Join([]string{
		`^\[\d\d:\d\d:\d\d\] Redis-Sentinel TwemProxy agent Started on: \w+ \w+ +\d+ [\d:]+ \w+ \d+`,
		`Loading TwemProxy config`, `Subscribing to sentinel\.`, `Connection to Redis Sentinel established\.`, `Getting latest list of masters\.\.\.`,
		`Master received: redis1 127\.0\.0\.1:\d+`, `Updating Master redis1 to 127\.0\.0\.1:\d+`, `Saving TwemProxy config`, `config updated with new content`,
		`TwemProxy restarted with output: done`, `Received switch-master: \{details: redis1 127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+\}`,
	}, `\n.*\[\d\d:\d\d:\d\d\] `) + `\n`
	if text := contents(t, log); !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("the log:\n%s", text)
	}
	p.signal(syscall.SIGTERM)
	if got := p.status(); got != 0 {
		t.Errorf("status %d", got)
	}
}
