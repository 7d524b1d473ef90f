package fakeredis

import (
	"strings"
	"testing"
)

// TestOlderReleases: 5.0 and 6.0 have no pause of writes alone, no end of a pause by
// command, and fewer lines in INFO.
func TestOlderReleases(t *testing.T) {
	for _, c := range []struct{ release, line, want string }{
		{"5.0.14", "CLIENT PAUSE 10 WRITE", "-ERR Unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."},
		{"6.0.20", "CLIENT PAUSE 10 WRITE", "-ERR Unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."},
		{"6.2.14", "CLIENT PAUSE 10 WRITE", "+OK"},
		{"6.0.20", "CLIENT UNPAUSE", "-ERR Unknown subcommand or wrong number of arguments for 'UNPAUSE'. Try CLIENT HELP."},
		{"6.2.14", "CLIENT UNPAUSE", "+OK"},
		{"5.0.14", "HELLO 3", "-ERR unknown command 'HELLO', with args beginning with: '3' "},
		{"6.0.20", "CLIENT PAUSE 0", "+OK"},
		{"5.0.14", "SLAVEOF 127.0.0.1 1", "+OK"},
	} {
		s := start(t, Config{Parameters: map[string]string{"imitated-version": c.release}})
		if got := dialRaw(t, s.Addr()).ask(t, strings.Fields(c.line)...); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.line, c.release, got, c.want)
		}
	}
	for release, has := range map[string]string{
		"5.0.14": "master_replid2", "6.0.20": "second_repl_offset", "6.2.14": "second_repl_offset master_failover_state replica_announced",
		"7.0.15": "second_repl_offset master_failover_state replica_announced slave_read_repl_offset async_loading",
	} {
		s := start(t, Config{ReplicaOf: "127.0.0.1:1", Parameters: map[string]string{"imitated-version": release}})
		f := info(t, s)
		for _, name := range []string{"master_failover_state", "replica_announced", "slave_read_repl_offset", "async_loading"} {
			if _, ok := f[name]; ok != strings.Contains(has, name) {
				t.Errorf("INFO of %s has %s: %v", release, name, ok)
			}
		}
		if f["redis_version"] != release {
			t.Errorf("%s shows the version %s", release, f["redis_version"])
		}
	}
	for _, bad := range []string{"7", "6.x.1", "4.0.0", "8.0.0", ""} {
		if s, err := Start(Config{Parameters: map[string]string{"imitated-version": bad}}); err == nil {
			s.Close()
			t.Errorf("imitated-version %q is taken", bad)
		}
	}
}

// TestPauseOfEverything: before 6.2 a pause stops readers, and what the master sends.
func TestPauseOfEverything(t *testing.T) {
	master := start(t, Config{})
	replica := start(t, Config{ReplicaOf: master.Addr(), Parameters: map[string]string{"imitated-version": "6.0.20"}})
	waitLink(t, replica)
	c := dialRaw(t, replica.Addr())
	c.ask(t, "CLIENT", "PAUSE", "100000")
	c.write(t, "PING")
	must(t, dial(t, master.Addr()), "SET", "k", "v")
	waitHeld := func() (any, bool) {
		replica.mu.Lock()
		defer replica.mu.Unlock()
		waiting := 0
		for _, other := range replica.clients {
			waiting += len(other.pending)
		}
		return waiting, waiting == 1 && len(replica.link.held.commands) > 0 && len(replica.db.keys) == 0
	}
	eventually(t, "reader and stream to be held", waitHeld)
	replica.mu.Lock()
	replica.pause.until = replica.started // no command can end it
	replica.mu.Unlock()
	replica.wakeTimer()
	if got := c.read(t); got != "+PONG" {
		t.Errorf("after the pause: %s", got)
	}
	waitSame(t, master, replica)
}

// TestForbiddenCommands compares the refusals with those of an ACL of redis-server.
func TestForbiddenCommands(t *testing.T) {
	spawn(t, tool(t, "redis-server"), nil, "--port", "22024", "--save", "", "--bind", "127.0.0.1")
	waitPing(t, "127.0.0.1:22024")
	redis := dialRaw(t, "127.0.0.1:22024")
	redis.ask(t, "ACL", "SETUSER", "default", "-client|pause", "-client|kill", "-slaveof")
	s := start(t, Config{Parameters: map[string]string{"forbidden-commands": "client|pause client|kill slaveof"}})
	mini := dialRaw(t, s.Addr())
	for _, line := range []string{
		"CLIENT PAUSE 10 WRITE", "CLIENT KILL TYPE normal", "SLAVEOF NO ONE", "REPLICAOF NO ONE", "CLIENT UNPAUSE", "CLIENT PAUSE",
		"MULTI", "SLAVEOF NO ONE", "EXEC", "MULTI", "CLIENT KILL TYPE normal", "SET a b", "EXEC", "GET a",
	} {
		words := strings.Fields(line)
		if got, want := mini.ask(t, words...), redis.ask(t, words...); got != want {
			t.Errorf("%s: mini %s, redis %s", line, got, want)
		}
	}
	if got := mini.ask(t, "CONFIG", "SET", "forbidden-commands", "client|nothing"); !strings.HasSuffix(got, "there is no command 'client|nothing'") {
		t.Errorf("an unknown command: %s", got)
	}
	mini.ask(t, "CONFIG", "SET", "forbidden-commands", "client", "imitated-version", "6.0.20")
	if got := mini.ask(t, "CLIENT", "SETNAME", "x"); got != "-NOPERM this user has no permissions to run the 'client' command or its subcommand" {
		t.Errorf("6.0: %s", got)
	}
	mini.ask(t, "CONFIG", "SET", "forbidden-commands", "")
	if got := mini.ask(t, "CLIENT", "SETNAME", "x"); got != "+OK" {
		t.Errorf("allowed again: %s", got)
	}
}

// TestRestartWithoutHistory: an append-only file brings the keys back under a new
// history that begins at 0.
func TestRestartWithoutHistory(t *testing.T) {
	s := start(t, Config{})
	must(t, dial(t, s.Addr()), "SET", "k", "v")
	s.Crash()
	again := start(t, Config{Data: s.Data().WithoutHistory()})
	f := info(t, again)
	if f["db0"] != "keys=1,expires=0,avg_ttl=0" || f["master_replid"] == s.Data().id || f["master_replid2"] != noID || f["master_repl_offset"] != "0" || f["second_repl_offset"] != "-1" {
		t.Errorf("after the restart: %v", f)
	}
}
