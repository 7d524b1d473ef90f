package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/redis/go-redis/v9"
)

// sessions counts the connections on a node whose names begin with prefix, in
// all and as a user.
func sessions(ctx context.Context, c *redis.Client, prefix, user string) (all, as int, err error) {
	list, err := c.Do(ctx, "CLIENT", "LIST").Text()
	for line := range strings.Lines(list) {
		if strings.Contains(line, " name="+prefix) {
			all++
			if strings.Contains(line, " user="+user+" ") {
				as++
			}
		}
	}
	return all, as, err
}

// loggedIn waits until all connections of Sentinels on a node, of which there
// must be n, belong to a user.
func (e *env) loggedIn(where string, c *redis.Client, user string, n int) {
	e.Helper()
	e.until(fmt.Sprintf("%d connections of Sentinels as %s on %s", n, user, where), func(ctx context.Context) (string, bool) {
		all, as, err := sessions(ctx, c, "sentinel-", user)
		return fmt.Sprintf("%d of %d, %v", as, all, err), err == nil && all == n && as == n
	})
}

// do sends a command to a Sentinel, which must succeed.
func (e *env) do(s *cluster.Sentinel, args ...any) {
	e.Helper()
	if _, err := s.Do(e.ctx, args...); err != nil {
		e.Fatalf("%v on %s: %v", args, s.Name(), err)
	}
}

// Sentinels authenticate to each other with requirepass, then as a user with the
// least rights that it takes; all of it changes while they work, and holds after
// a restart. Some of them are the original.
func TestPeersAuthenticate(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	ours, stock := underTest(t), stockSentinel(t)
	for name, commands := range map[string][][]string{
		"one stock": {ours, ours, stock},
		"two stock": {ours, stock, stock},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peersAuthenticate(t, commands)
		})
	}
}

// peersAuthenticate does it; the first of the commands is gosentinel's.
func peersAuthenticate(t *testing.T, commands [][]string) {
	e := newEnv(t)
	g := e.start(cluster.Topology{
		Replicas: 1, Sentinels: 3, Quorum: 2, SentinelCommands: commands,
		SentinelConf: []string{"requirepass old", "user ops on >ops ~* &* +@all"}, SentinelUser: "ops", SentinelPassword: "ops",
	})
	for _, s := range g.Sentinels {
		e.loggedIn(s.Name(), s.Client(), "default", 2)
	}

	for _, s := range g.Sentinels {
		e.do(s, "ACL", "SETUSER", "peer", "on", ">p1", "+ping", "+publish", "+client|setname", "+sentinel|is-master-down-by-addr", "+sentinel|master", "&__sentinel__:hello")
	}
	for _, s := range g.Sentinels {
		e.do(s, "SENTINEL", "CONFIG", "SET", "sentinel-user", "peer")
		e.do(s, "SENTINEL", "CONFIG", "SET", "sentinel-pass", "p1")
		e.do(s, "ACL", "SETUSER", "default", "resetpass", ">new")
	}
	for _, s := range g.Sentinels {
		e.loggedIn(s.Name(), s.Client(), "peer", 2)
		e.do(s, "SENTINEL", "FLUSHCONFIG")
	}
	for _, s := range g.Sentinels {
		e.must(s.Restart(e.ctx))
	}
	e.must(g.WaitViews(e.ctx))
	for _, s := range g.Sentinels {
		e.loggedIn(s.Name(), s.Client(), "peer", 2)
		if v, err := s.Do(e.ctx, "AUTH", "old"); err == nil {
			e.Errorf("%s still accepts the old password: %v", s.Name(), v)
		}
		e.do(s, "ACL", "LOG", "RESET")
	}
	if log, err := g.Sentinels[0].Log(); err != nil || !strings.Contains(log, "requirepass has no effect for clients") {
		e.Errorf("no warning of the old requirepass: %v\n%s", err, log)
	}

	g.Servers[0].Kill()
	e.newMaster(g, g.Servers[0])
	e.oneLeaderPerEpoch()
	for _, s := range g.Sentinels {
		if entries, err := s.Do(e.ctx, "ACL", "LOG"); err != nil || len(entries.([]any)) > 0 {
			e.Errorf("%s refused a peer something: %v, %v", s.Name(), entries, err)
		}
	}
}

// Sentinels log in to the servers as a user with the least rights that it takes.
// Password and user change while they work, without any instance being taken for
// dead, and a failover is possible afterwards.
func TestServersWithUsers(t *testing.T) {
	t.Parallel()
	const rights = " ~* &__sentinel__:hello +client +subscribe +publish +ping +info +multi +slaveof +config +exec"
	e := newEnv(t)
	g := e.start(cluster.Topology{
		Replicas: 2, Sentinels: 3, Quorum: 2,
		ServerConf: func(int) []string {
			return []string{"requirepass admin", "masterauth admin", "user watcher on >s1" + rights, "user second on >s3" + rights}
		},
		Password:     "admin",
		SentinelConf: []string{"sentinel auth-user mymaster watcher", "sentinel auth-pass mymaster s1"},
	})
	everywhere := func(user string) {
		e.Helper()
		for _, s := range g.Servers {
			e.loggedIn(s.Name(), s.Client(), user, 6) // two of each Sentinel
		}
		e.must(g.WaitViews(e.ctx))
	}
	everywhere("watcher")

	// The password: connections that exist outlive it on the servers.
	for _, s := range g.Servers {
		e.must(s.Client().Do(e.ctx, "ACL", "SETUSER", "watcher", "resetpass", ">s2").Err())
	}
	for _, s := range g.Sentinels {
		e.do(s, "SENTINEL", "SET", "mymaster", "auth-pass", "s2")
	}
	for _, s := range g.Servers {
		e.must(s.Client().Do(e.ctx, "CLIENT", "KILL", "USER", "watcher").Err())
	}
	everywhere("watcher")

	// The user and the password in one command.
	for _, s := range g.Sentinels {
		e.do(s, "SENTINEL", "SET", "mymaster", "auth-user", "second", "auth-pass", "s3")
	}
	everywhere("second")
	for _, s := range g.Servers {
		e.must(s.Client().Do(e.ctx, "ACL", "DELUSER", "watcher").Err())
	}

	if n := e.c.Events().Count(cluster.Named("+sdown", "+odown", "+try-failover")); n > 0 && !testingStock() {
		e.Errorf("%d times an instance was taken for dead: %v", n, e.c.Events().All())
	}
	g.Servers[0].Kill()
	master := e.newMaster(g, g.Servers[0])
	for _, s := range g.Servers[1:] {
		if s != master {
			e.must(s.WaitReplicaOf(e.ctx, master))
		}
		e.loggedIn(s.Name(), s.Client(), "second", 6)
	}
	e.must(g.Servers[0].Restart(e.ctx))
	e.must(g.Servers[0].WaitReplicaOf(e.ctx, master))
}
