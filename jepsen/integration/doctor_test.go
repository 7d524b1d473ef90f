package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// doctor runs gosentinel doctor, and returns the kinds of what it finds.
func (e *env) doctor(args ...string) (kinds []string) {
	e.Helper()
	cmd := exec.CommandContext(e.ctx, clustertest.Daemon(e.T), append([]string{"doctor", "--json"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its status is in the report
	var r struct {
		Status   int
		Findings []struct{ Kind, Level, What string }
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Status != cmd.ProcessState.ExitCode() {
		e.Fatalf("%v, status %d: %s %s", err, cmd.ProcessState.ExitCode(), out.String(), errs.String())
	}
	for _, f := range r.Findings {
		e.Logf("%s %s: %s", f.Level, f.Kind, f.What)
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// finds compares what doctor finds.
func (e *env) finds(what, want string, args ...string) {
	e.Helper()
	if got := strings.Join(e.doctor(args...), " "); got != want {
		e.Errorf("%s: found %q, want %q", what, got, want)
	}
}

// The doctor is silent about a sound group, of stock Sentinels too, and names what is spoilt
// in it, one thing after the other.
func TestDoctorOnGroup(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	ours := underTest(t)
	g := e.start(cluster.Topology{Replicas: 2, Sentinels: 3, Quorum: 2, FailoverTimeout: 10 * time.Second, SentinelCommands: [][]string{ours, ours, stockSentinel(t)},
		ServerConf: func(int) []string { return []string{"min-replicas-to-write 1"} }})
	at := g.Sentinels[0].Addr()
	e.finds("sound", "", at)
	e.finds("sound, from a server", "", g.Servers[2].Addr())

	server := func(k int, words ...any) {
		t.Helper()
		e.must(g.Servers[k].Client().Do(e.ctx, words...).Err())
	}
	server(1, "ACL", "SETUSER", "default", "-slaveof")
	e.finds("no right to promote", "rights-missing", at)
	server(1, "ACL", "SETUSER", "default", "+slaveof", "-client|kill", "-config|rewrite")
	e.finds("fewer rights", "rights-reduced", at)
	server(1, "ACL", "SETUSER", "default", "+@all")
	server(0, "CONFIG", "SET", "min-replicas-to-write", "0")
	e.finds("min-replicas-to-write", "min-replicas-unset", at)
	server(0, "CONFIG", "SET", "min-replicas-to-write", "1")

	for _, s := range g.Sentinels {
		e.do(s, "SENTINEL", "SET", g.Master, "quorum", "4")
	}
	e.finds("quorum 4 of 3", "quorum-too-large", at)
	for _, s := range g.Sentinels[:2] {
		e.do(s, "SENTINEL", "SET", g.Master, "quorum", "2")
	}
	e.do(g.Sentinels[2], "SENTINEL", "SET", g.Master, "quorum", "3")
	e.finds("two quorums", "settings-differ", at)
	e.do(g.Sentinels[2], "SENTINEL", "SET", g.Master, "quorum", "2")

	e.signal(g.Sentinels[2], syscall.SIGKILL)
	for _, s := range g.Sentinels[:2] {
		e.eventAbout(s, "+sdown", "sentinel ")
	}
	e.finds("a Sentinel that is gone", "dead-sentinel", at)
}

// The doctor reads a file, and asks servers with the login that is in it, before any Sentinel
// runs.
func TestDoctorOnFile(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	f := testcert.NewAuthority(t, "ca").Write(t, t.TempDir(), "server")
	outside := ""
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			outside = n.IP.String()
		}
	}
	for name, c := range map[string]struct {
		server, file []string // lines
		host         string
		want         string
	}{
		"sound":                  {want: ""},
		"a password":             {server: []string{"requirepass p", "masterauth p"}, file: []string{"sentinel auth-pass m p"}, want: ""},
		"no password":            {server: []string{"requirepass p", "masterauth p"}, want: "login-refused"},
		"another password":       {server: []string{"requirepass p", "masterauth p"}, file: []string{"sentinel auth-pass m q"}, want: "login-refused"},
		"a user without rights":  {server: []string{"user s on >p ~* &* -@all +ping +info +multi +exec"}, file: []string{"sentinel auth-user m s", "sentinel auth-pass m p"}, want: "rights-missing rights-reduced"},
		"a renamed command":      {server: []string{"rename-command SLAVEOF FOLLOW"}, want: "command-renamed"},
		"renamed on both sides":  {server: []string{"rename-command SLAVEOF FOLLOW"}, file: []string{"sentinel rename-command m SLAVEOF FOLLOW"}, want: ""},
		"TLS against plain":      {server: []string{"port 0", "tls-port PORT", "tls-cert-file " + f.Cert, "tls-key-file " + f.Key, "tls-ca-cert-file " + f.CA, "tls-auth-clients no"}, want: "tls-differs"},
		"plain against TLS":      {file: []string{"tls-replication yes", "tls-cert-file " + f.Cert, "tls-key-file " + f.Key, "tls-ca-cert-file " + f.CA}, want: "tls-differs"},
		"protected mode":         {server: []string{"bind 0.0.0.0", "protected-mode yes"}, host: outside, want: "protected-mode"},
		"down-after 50 ms":       {file: []string{"sentinel down-after-milliseconds m 50"}, want: "down-after-short"},
		"failover-timeout 100":   {file: []string{"sentinel failover-timeout m 100"}, want: "failover-timeout-short"},
		"quorum 9 without peers": {file: []string{"sentinel monitor n HOST PORT 9"}, want: "quorum-too-large"},
		"a mistake":              {file: []string{"sentinel down-afer-milliseconds m 50"}, want: "file-mistake"},
		"announced 0.0.0.0":      {file: []string{"sentinel announce-ip 0.0.0.0"}, want: "announced-address"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &env{T: t, ctx: e.ctx, c: e.c}
			if name == "protected mode" && c.host == "" {
				t.Skip("needs an address that is none of loopback")
			}
			if c.host == "" {
				c.host = "127.0.0.1"
			}
			port, err := e.c.Port()
			e.must(err)
			own, err := e.c.Port()
			e.must(err)
			fill := strings.NewReplacer("PORT", fmt.Sprint(port), "HOST", c.host)
			lines := fill.Replace(strings.Join(append([]string{"min-replicas-to-write 1"}, c.server...), "\n"))
			dir := t.TempDir()
			conf := filepath.Join(dir, "redis.conf")
			e.must(os.WriteFile(conf, []byte(cluster.ServerConf(port, lines)), 0o644))
			cmd := exec.Command("redis-server", conf)
			cmd.Dir = dir
			e.must(cmd.Start())
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
			}()
			e.until("the server", func(ctx context.Context) (string, bool) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					return err.Error(), false
				}
				return "", conn.Close() == nil
			})
			file := filepath.Join(dir, "s.conf")
			text := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor m HOST PORT 2\n%s\n", own, strings.Join(c.file, "\n"))
			e.must(os.WriteFile(file, []byte(fill.Replace(text)), 0o644))
			got := slices.DeleteFunc(e.doctor(file), func(kind string) bool { return kind == "sentinel-not-asked" }) // none runs
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// Two Sentinels that were given one file are told apart.
func TestDoctorOnClones(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	id := "sentinel myid " + strings.Repeat("c", 40)
	g := e.start(cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, SentinelConf: []string{id}})
	port, err := e.c.Port()
	e.must(err)
	clone, err := e.c.StartSentinel(cluster.NodeSpec{Name: "clone", Port: port, Conf: cluster.SentinelConf(port, cluster.Monitored{Name: g.Master, Port: g.Servers[0].Port(), Quorum: 1}, id)})
	e.must(err)
	e.must(clone.WaitReady(e.ctx))
	if got := e.doctor(g.Sentinels[0].Addr()); !slices.Contains(got, "same-id") {
		e.Errorf("found %q", got)
	}
}
