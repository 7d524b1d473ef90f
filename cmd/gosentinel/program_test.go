package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/testcert"
)

// outcome is the result of a short run.
type outcome struct {
	status         int
	stdout, stderr string
}

// runProgram runs a command line that does not start a daemon, within this
// process.
func runProgram(t *testing.T, stdin string, argv ...string) outcome {
	t.Helper()
	var out, errs strings.Builder
	p := &program{argv: argv, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, flavour: flavourOf(argv[0])}
	status := p.run()
	return outcome{status, out.String(), errs.String()}
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVersionAndHelp(t *testing.T) {
	for argv0, want := range map[string]string{
		"gosentinel":              `^gosentinel v=\d+\.\d+\.\d+[-+.\w]* compatible=redis-sentinel-7\.`,
		"/usr/bin/redis-sentinel": `^Redis server v=7\.\d+\.\d+ sha=\S+ malloc=\S+ bits=64 build=\S+\n$`,
		"valkey-sentinel":         `^Valkey server v=8\.\d+\.\d+ sha=`,
	} {
		got := runProgram(t, "", argv0, "--version")
		if got.status != 0 || !regexp.MustCompile(want).MatchString(got.stdout) || got.stderr != "" {
			t.Errorf("%s --version: %+v", argv0, got)
		}
	}
	got := runProgram(t, "", "gosentinel", "--help")
	if got.status != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, "Usage: gosentinel <config-file>") {
		t.Errorf("--help: %+v", got)
	}
}

// logStamp matches the beginning of a warning in the log.
const logStamp = `^\d+:X \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} # `

// TestFailedStarts: each message has redis-sentinel's form and goes to the same
// place; what gosentinel adds follows it.
func TestFailedStarts(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "s.conf", "port 27000\n# comment\n\nsentinel monitor m 127.0.0.1 6379 2\n")
	inc := writeFile(t, dir, "inc.conf", "port 1\nprot 2\n")
	twice := writeFile(t, dir, "twice.conf", "port x\nsentinel monitor m 127.0.0.1 6379 0\n")
	for name, c := range map[string]struct {
		argv           []string
		stdin          string
		stdout, stderr string // patterns
	}{
		"no file": {[]string{"gosentinel", "--port", "5"}, "",
			logStamp + `Sentinel needs config file on disk to save state\. Exiting\.\.\.\n$`, `^$`},
		"missing file": {[]string{"gosentinel", filepath.Join(dir, "none")}, "",
			logStamp + `Fatal error, can't open config file '` + dir + `/none': No such file or directory\n$`, `^$`},
		"mistake in the file": {[]string{"gosentinel", twice}, "", `^$`,
			`^\n\*\*\* FATAL CONFIG FILE ERROR \(Redis 7\.[\d.]+\) \*\*\*\nReading the configuration file, at line 1\n>>> 'port x'\n` +
				`argument couldn't be parsed into an integer\n\ngosentinel \S+ found 2 problems:\n(?s:.*)twice\.conf:2: Quorum must be 1 or greater`},
		"mistake on the command line": {[]string{"redis-sentinel", conf, "--port", "1", "--prot", "7"}, "", `^$`,
			`at line 7\n>>> 'prot "7"'\nBad directive or wrong number of arguments`},
		"mistake on standard input": {[]string{"valkey-sentinel", conf, "--port", "1", "-"}, "# hm\nprot 5\n", `^$`,
			`ERROR \(Version 8\.[\d.]+\) \*\*\*\nReading the configuration file, at line 7\n>>> 'prot 5'\n`},
		"mistake in an included file": {[]string{"gosentinel", conf, "--include", inc}, "", `^$`,
			`at line 2\n>>> 'prot 2'\n`},
		"no port": {[]string{"gosentinel", conf, "--port", "0"}, "",
			logStamp + `Configured to not listen anywhere, exiting\.\n$`, `^$`},
		"TLS without certificates": {[]string{"gosentinel", conf, "--tls-port", "27001"}, "",
			logStamp + `Failed to configure TLS: No tls-cert-file configured!\n(?m:` + logStamp + `Failed to configure TLS: Either tls-ca-cert-file)`, `^$`},
		"words without a file": {[]string{"gosentinel", conf, "word"}, "", `^$`, `option expected, found "word".*\nTry gosentinel --help`},
	} {
		before, err := os.ReadFile(conf)
		if err != nil {
			t.Fatal(err)
		}
		got := runProgram(t, c.stdin, c.argv...)
		if got.status != 1 || !regexp.MustCompile(c.stdout).MatchString(got.stdout) || !regexp.MustCompile(c.stderr).MatchString(got.stderr) {
			t.Errorf("%s: status %d\nstdout: %s\nstderr: %s", name, got.status, got.stdout, got.stderr)
		}
		if after, err := os.ReadFile(conf); err != nil || string(after) != string(before) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
}

func TestCheckConfig(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "s.conf", "port 27000\nmaxmemory 5mb\nsentinel monitor m 127.0.0.1 6379 2\nsentinel known-replica m 127.0.0.1 6380\n")
	before, _ := os.ReadFile(conf)
	got := runProgram(t, "", "gosentinel", "--check-config", conf)
	for _, want := range []string{conf + ": OK\n", "listens on: port 27000 of * -::*\n", "keeps its state in: " + conf + "\n", "monitors 1 master\n",
		"m at 127.0.0.1:6379, quorum 2, known: 1 replica, 0 other Sentinels\n", "warning: " + conf + ": without effect on a Sentinel: maxmemory\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in %s", want, got.stdout)
		}
	}
	if got.status != 0 || got.stderr != "" {
		t.Errorf("status %d, stderr %s", got.status, got.stderr)
	}
	if after, err := os.ReadFile(conf); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}

	// Advice is about what is legal, and what the users' list says.
	for line, advised := range map[string]bool{"": true, "user default on >x ~* +@all": false, "requirepass x": false, "user default off": false, "bind 127.0.0.1": false} {
		got := runProgram(t, "", "gosentinel", "--check-config", writeFile(t, dir, "open.conf", "port 27000\n"+line+"\nsentinel monitor m 127.0.0.1 6379 1\n"))
		if got.status != 0 || strings.Contains(got.stdout, "warning: "+dir+"/open.conf:1: clients of other machines need no password; write: ") != advised ||
			!strings.Contains(got.stdout, "warning: "+dir+"/open.conf:3: master m: with quorum 1") {
			t.Errorf("%q: %+v", line, got)
		}
	}

	// What the file names is told, and nothing of it turns the terminal.
	got = runProgram(t, "", "gosentinel", "--check-config", writeFile(t, dir, "shown.conf", "bind 127.0.0.1\nhttp-port 9121\nsentinel monitor \"m\\x1b[2J\" 127.0.0.1 6379 2\n"))
	if got.status != 0 || !strings.Contains(got.stdout, "  shows metrics and the status page on: port 9121 of 127.0.0.1 -::1\n") || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("%+v", got)
	}

	// What would be found out in the first failover is said now.
	got = runProgram(t, "", "gosentinel", "--check-config", writeFile(t, dir, "odd.conf", "bind 127.0.0.1\nsentinel monitor m 127.0.0.1 6379 9\nsentinel down-after-milliseconds m 50\nsentinel failover-timeout m 100\n"))
	for _, want := range []string{"quorum is 9, and no other Sentinel is known yet", "down-after is 50ms", "failover-timeout is 100ms"} {
		if got.status != 0 || strings.Count(got.stdout, "  warning: ") != 3 || !strings.Contains(got.stdout, want) {
			t.Errorf("no %q: %+v", want, got)
		}
	}

	got = runProgram(t, "port y\n", "gosentinel", conf, "--check-config", "--loglevel", "loud", "--sentinel", "monitor", "m2", "127.0.0.1", "1", "0", "-")
	if got.status != 1 || got.stdout != "" || !strings.Contains(got.stderr, ": 3 problems\n") || strings.Count(got.stderr, "command line:") != 3 ||
		!strings.Contains(got.stderr, "hint: ") {
		t.Errorf("status %d, stderr %s", got.status, got.stderr)
	}

	// Problems outside the file's text are found too, all of them.
	f := testcert.NewAuthority(t, "ca").Write(t, dir, "server")
	got = runProgram(t, "", "gosentinel", "--check-config", conf, "--state-file", "/nonexistent/state", "--tls-port", "27001",
		"--tls-cert-file", f.Cert, "--tls-key-file", f.Cert, "--tls-ca-cert-file", f.CA)
	if got.status != 1 || !strings.Contains(got.stderr, ": 2 problems\n") ||
		!strings.Contains(got.stderr, "/nonexistent/state") || !strings.Contains(got.stderr, "Failed to load private key") {
		t.Errorf("status %d, stderr %s", got.status, got.stderr)
	}
	got = runProgram(t, "", "gosentinel", "--check-config", conf, "--tls-port", "27001", "--tls-cert-file", f.Cert, "--tls-key-file", f.Key,
		"--tls-ca-cert-file", f.CA, "--tls-ciphersuites", "TLS_AES_256_GCM_SHA384", "--unixsocket", "/run/s.sock")
	if got.status != 0 || !strings.Contains(got.stdout, "TLS port 27001 of * -::*, /run/s.sock\n") || !strings.Contains(got.stdout, "tls-ciphersuites cannot be honoured") {
		t.Errorf("status %d, stdout %s stderr %s", got.status, got.stdout, got.stderr)
	}
}

func TestConvertCommand(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "s.conf", "# mine\nport 27000\nsentinel monitor m 127.0.0.1 6379 2\nsentinel auth-pass m secret\n")
	toml := filepath.Join(dir, "s.toml")
	if got := runProgram(t, "", "gosentinel", "convert", conf, toml); got.status != 0 || !strings.Contains(got.stderr, "comments left out: 1") {
		t.Fatalf("%+v", got)
	}
	if info, err := os.Stat(toml); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file with passwords has mode %v, %v", info.Mode(), err)
	}
	if got := runProgram(t, "", "gosentinel", "--check-config", toml); got.status != 0 || !strings.Contains(got.stdout, "m at 127.0.0.1:6379, quorum 2") {
		t.Errorf("%+v", got)
	}
	back := runProgram(t, "", "gosentinel", "convert", toml)
	if back.status != 0 || !strings.Contains(back.stdout, "sentinel auth-pass m secret\n") {
		t.Errorf("%+v", back)
	}
	for name, argv := range map[string][]string{
		"file exists":   {"gosentinel", "convert", conf, toml},
		"same format":   {"gosentinel", "convert", conf, filepath.Join(dir, "t.conf")},
		"missing":       {"gosentinel", "convert", filepath.Join(dir, "none")},
		"with mistakes": {"gosentinel", "convert", writeFile(t, dir, "bad.conf", "prot 5\n")},
	} {
		if got := runProgram(t, "", argv...); got.status != 1 || got.stdout != "" || got.stderr == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestMistypedSecretsStayHidden: of a line that may hold a password, no output
// shows more than its beginning.
func TestMistypedSecretsStayHidden(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "s.conf", "sentinel monitor m 127.0.0.1 6379 2\n")
	bad := writeFile(t, dir, "bad.conf", "sentinel monitor m 127.0.0.1 6379 2\nsentinel auth-pas m hunter2\nrequirepas hunter2\n")
	toml := writeFile(t, dir, "bad.toml", "[server]\nrequirepas = \"hunter2\"\n")
	for _, argv := range [][]string{
		{bad}, {"--check-config", bad}, {"convert", bad}, {toml}, {"--check-config", toml}, {"convert", toml},
		{conf, "--requirepas", "hunter2"}, {conf, "--requirepas=hunter2"}, {conf, "-requirepass=hunter2"}, {conf, "--requirepass", "hunter2", "x"},
		{conf, "--sentinel", "auth-pas", "m", "hunter2"}, {conf, "requirepass=hunter2"}, {conf, "-"}, {"--check-config", conf, "--requirepas", "hunter2"},
	} {
		got := runProgram(t, "requirepas hunter2\n", append([]string{"gosentinel"}, argv...)...)
		if got.status != 1 || !strings.Contains(got.stdout+got.stderr, "pas") || strings.Contains(got.stdout+got.stderr, "hunter2") {
			t.Errorf("%q: %+v", argv, got)
		}
	}
}

func TestStdinIsBounded(t *testing.T) {
	_, err := readConfig(&endless{})
	if err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Error(err)
	}
	if got := fmt.Sprint(configLines("a\nb\n"), configLines("")); got != "[a b] []" {
		t.Error(got)
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }
