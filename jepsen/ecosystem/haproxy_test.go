package ecosystem

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/redis/go-redis/v9"
)

// haproxyConf looks for the server that says role:master, which is what people
// put before the tutorial's set so that clients need no list of Sentinels.
const haproxyConf = `global
	maxconn 200
defaults
	mode tcp
	timeout connect 1s
	timeout client 1m
	timeout server 1m
frontend redis
	bind 127.0.0.1:%d
	default_backend master
backend master
	option tcp-check
	tcp-check send PING\r\n
	tcp-check expect string +PONG
	tcp-check send info\ replication\r\n
	tcp-check expect string role:master
	tcp-check send QUIT\r\n
	tcp-check expect string +OK
`

// proxy is a running HAProxy.
type proxy struct{ client *redis.Client }

// startHAProxy puts HAProxy in front of the tutorial's servers until the test
// ends.
func (p *tutorial) startHAProxy() *proxy {
	p.Helper()
	conf := fmt.Sprintf(haproxyConf, tutorialHAProxy)
	for i, s := range p.g.Servers {
		conf += fmt.Sprintf("\tserver r%d %s check inter 1s on-marked-down shutdown-sessions\n", i+1, s.Addr())
	}
	path := filepath.Join(p.c.Dir(), "haproxy.cfg")
	p.must(os.WriteFile(path, []byte(conf), 0o644))
	var said bytes.Buffer
	cmd := exec.Command(p.installed("haproxy"), "-db", "-f", path)
	cmd.Stdout, cmd.Stderr = &said, &said
	p.must(cmd.Start())
	client := redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", tutorialHAProxy), Protocol: 2, DisableIdentity: true, MaxRetries: -1, ContextTimeoutEnabled: true,
	})
	p.Cleanup(func() {
		_ = client.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if p.Failed() {
			p.Logf("HAProxy:\n%s", said.Bytes())
		}
	})
	return &proxy{client}
}

// write returns when a write has been accepted.
func (x *proxy) write(e *env) {
	e.Helper()
	e.until("a write through HAProxy", func(ctx context.Context) (string, bool) {
		err := x.client.Set(ctx, "through-haproxy", "yes", 0).Err()
		return fmt.Sprint(err), err == nil
	})
}
