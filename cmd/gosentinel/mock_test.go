package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/mock"
	"github.com/gosentinel/sentinel/internal/testcert"
)

const mockHead = "title t\nright r\nserver a\nserver b of a\nsentinel s1 s2\n"

func TestMockLists(t *testing.T) {
	got := runProgram(t, "", "gosentinel", "mock", "-list")
	if got.status != 0 || strings.Count(got.stdout, "\n") < 25 || !strings.Contains(got.stdout, "  old-master       The old master goes on taking writes\n") {
		t.Errorf("%+v", got)
	}
	got = runProgram(t, "", "gosentinel", "mock", "-list", "-json")
	var all []struct{ Name, Right string }
	if err := json.Unmarshal([]byte(got.stdout), &all); err != nil || len(all) != len(mock.Names()) || all[0].Name != mock.Names()[0] || all[0].Right == "" {
		t.Errorf("%v: %+v", err, got)
	}
	got = runProgram(t, "", "gosentinel", "mock", "-show", "fixed")
	if got.status != 0 || !strings.HasPrefix(got.stdout, "title    Everything is well\n") {
		t.Errorf("%+v", got)
	}
}

func TestMockMistakes(t *testing.T) {
	dir := t.TempDir()
	good := writeFile(t, dir, "good.mock", mockHead)
	bad := writeFile(t, dir, "bad.mock", mockHead+"promte b\n")
	for _, c := range []struct {
		args   []string
		stdout string
		stderr string
	}{
		{[]string{"-script", "fialover"}, "", `no script is called "fialover" (did you mean "failover"?)` + "\n"},
		{[]string{"-show", "fialover"}, "", `no script is called "fialover" (did you mean "failover"?)` + "\n"},
		{[]string{"-script", bad}, "", bad + `:6: there is no statement "promte" (did you mean "promote"?)` + "\n"},
		{[]string{"-check", good, bad}, good + ": OK\n", bad + `:6: there is no statement "promte" (did you mean "promote"?)` + "\n"},
		{[]string{"-script", good, "-host", "here"}, "", `mock: "here" is no IP address to listen on` + "\n"},
		{[]string{"-script", good, "--", filepath.Join(dir, "none")}, "{", "no such file or directory\n"},
		{[]string{"-script", good, "-tls-cert-file", filepath.Join(dir, "none")}, "", "mock: TLS needs -tls-cert-file and -tls-key-file: open "},
		{[]string{"-scirpt", good}, "", "flag provided but not defined: -scirpt\nUsage: gosentinel mock"},
		{[]string{"-v"}, "", "Usage: gosentinel mock"},
	} {
		got := runProgram(t, "", append([]string{"gosentinel", "mock"}, c.args...)...)
		if got.status != 2 || !strings.HasPrefix(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("%q: %+v", c.args, got)
		}
	}
	if got := runProgram(t, "", "gosentinel", "mock", "-help"); got.status != 0 || !strings.HasPrefix(got.stderr, "Usage: gosentinel mock -script") {
		t.Errorf("-help: %+v", got)
	}
	// A file may still be called mock.
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got := runProgram(t, "", "gosentinel", "mock", "--port", "1"); got.status != 1 || !strings.Contains(got.stdout, "can't open config file '"+filepath.Join(wd, "mock")+"'") {
		t.Errorf("a file called mock: %+v", got)
	}
}

// verdictOf returns the last line that the command has printed.
func verdictOf(t *testing.T, got outcome) (v mock.Verdict) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil || len(lines) != 2 {
		t.Fatalf("%v: %+v", err, got)
	}
	return v
}

func TestMockSteeredByInput(t *testing.T) {
	script := writeFile(t, t.TempDir(), "x.mock", mockHead+"step x\nwait next\n")
	got := runProgram(t, "nonsense\n\nsay s1 b\nnext\n", "gosentinel", "mock", "-v", "-script", script)
	if v := verdictOf(t, got); got.status != 0 || v.Result != mock.Pass || got.stderr != "there is no statement \"nonsense\"\n" && !strings.Contains(got.stderr, "step: x\n") {
		t.Errorf("%+v", got)
	}
}

func TestMockStartsClient(t *testing.T) {
	dir := t.TempDir()
	fails := writeFile(t, dir, "fails.mock", mockHead+"mistake m\nstep x\nwait next\n")
	got := runProgram(t, "", "gosentinel", "mock", "-script", fails, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
	v := verdictOf(t, got)
	const reason = `the client ended (exit status 3) in the step "x", before the script did`
	if got.status != 1 || v.Result != mock.Fail || v.Reason != reason || v.Mistake != "m" || v.Right != "r" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"out\n", "err\n", fails + ": " + reason + "\nThe mistake: m\nA right client: r\n"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("no %q in %q", want, got.stderr)
		}
	}

	seen := filepath.Join(dir, "seen")
	passes := writeFile(t, dir, "passes.mock", mockHead+"step x\nwait 1 asks on s1\n")
	got = runProgram(t, "", "gosentinel", "mock", "-script", passes, "--", "sh", "-c",
		`echo "$MOCK_MASTER $MOCK_SENTINELS" > `+seen+`; echo "$MOCK" >> `+seen+`; redis-cli -p $(echo $MOCK_SENTINELS | sed 's/,.*//;s/.*://') SENTINEL masters; exec sleep 600`)
	if v := verdictOf(t, got); got.status != 0 || v.Result != mock.Pass {
		t.Errorf("%+v", got)
	}
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	first, announcement, _ := strings.Cut(string(text), "\n")
	var a mock.Announcement
	if err := json.Unmarshal([]byte(announcement), &a); err != nil || first != "mymaster "+a.Sentinels[0].Addr+","+a.Sentinels[1].Addr || !strings.HasPrefix(got.stdout, announcement) {
		t.Errorf("%v: the client was told %q", err, text)
	}
}

// With a certificate the same script is played over TLS, and the client is told.
func TestMockTLS(t *testing.T) {
	dir := t.TempDir()
	files := testcert.NewAuthority(t, "mock").Write(t, dir, "node")
	script := writeFile(t, dir, "x.mock", mockHead+"step x\nwait 1 asks on s1\nexpect 1 writes on a within 30s\n")
	got := runProgram(t, "", "gosentinel", "mock", "-script", script, "-tls-cert-file", files.Cert, "-tls-key-file", files.Key, "--", "sh", "-c",
		`cli="redis-cli --tls --cacert `+files.CA+` -p"; case $MOCK in *'"tls":true'*) $cli $(echo $MOCK_SENTINELS | sed 's/,.*//;s/.*://') SENTINEL get-master-addr-by-name mymaster |
			{ read -r ip; read -r port; $cli $port INCR counter; } ;; esac; exec sleep 600`)
	if v := verdictOf(t, got); got.status != 0 || v.Result != mock.Pass {
		t.Errorf("%+v", got)
	}
}

func TestMockEndedBySignal(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		body   string
		args   []string
		status int
		result mock.Result
	}{
		{"", nil, 0, mock.Unfinished}, // nothing is judged
		{"step x\nwait next\n", nil, 1, mock.Unfinished},
		{"step x\nwait 1ms\n", []string{"-keep"}, 0, mock.Pass},
	} {
		r, w := io.Pipe()
		p := &program{argv: append([]string{"gosentinel", "mock", "-script", writeFile(t, dir, "x.mock", mockHead+c.body)}, c.args...),
			stdin: strings.NewReader(""), stdout: w, stderr: io.Discard}
		status := make(chan int, 1)
		go func() { status <- p.run(); w.Close() }()
		lines := bufio.NewScanner(r)
		lines.Scan() // it listens and waits for signals
		if c.args != nil {
			lines.Scan()
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		last := lines.Text()
		for lines.Scan() {
			last = lines.Text()
		}
		var v mock.Verdict
		if err := json.Unmarshal([]byte(last), &v); err != nil || v.Result != c.result {
			t.Errorf("%q: %v: %s", c.body, err, last)
		}
		if got := <-status; got != c.status {
			t.Errorf("%q: status %d", c.body, got)
		}
	}
}
