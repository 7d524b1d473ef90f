package fakeredis

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// pairScript plays a planned switchover from one server to another, the ways in
// which it goes wrong, and the way back, and notes what a Sentinel sees of it.
type pairScript struct {
	t     *testing.T
	a, b  string // addresses
	names map[string]string
	base  int // offset that is shown as X
	out   []string
}

// TestSwitchoverAsRedis: pauses, a server that follows itself, histories and offsets
// are those of redis-server.
func TestSwitchoverAsRedis(t *testing.T) {
	var ports []string
	for port := 22022; port < 22024; port++ {
		spawn(t, tool(t, "redis-server"), nil, "--port", strconv.Itoa(port), "--save", "", "--bind", "127.0.0.1", "--dir", t.TempDir(),
			"--repl-diskless-sync-delay", "1", "--repl-ping-replica-period", "3600")
		ports = append(ports, fmt.Sprint("127.0.0.1:", port))
		waitPing(t, ports[len(ports)-1])
	}
	quiet := map[string]string{"repl-ping-replica-period": "3600", "repl-diskless-sync-delay": "1"}
	want := (&pairScript{t: t, a: ports[0], b: ports[1]}).play()
	got := (&pairScript{t: t, a: start(t, Config{Parameters: quiet}).Addr(), b: start(t, Config{Parameters: quiet}).Addr()}).play()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("step %d\n mini: %s\nredis: %s", i, got[i], want[i])
		}
	}
}

func (p *pairScript) play() []string {
	t := p.t
	p.names = map[string]string{noID: "none"}
	a, b := dialRaw(t, p.a), dialRaw(t, p.b)
	hostA, portA, _ := net.SplitHostPort(p.a)
	hostB, portB, _ := net.SplitHostPort(p.b)
	p.do(b, "SLAVEOF", hostA, portA)
	p.until(a, "connected_slaves", "1")
	p.see("waits for a copy", a, b)
	p.until(b, "master_link_status", "up")
	p.do(a, "SET", "k", "v") // the first one brings a SELECT
	p.same(a, b)
	p.base, _ = strconv.Atoi(fieldsOf(a.ask(t, "INFO"))["master_repl_offset"])
	p.see("synchronised", a, b)

	// A pause of the replica holds back what the master sends, too.
	p.do(b, "CLIENT", "PAUSE", "100000", "WRITE")
	p.do(b, "CLIENT", "PAUSE", "1", "WRITE") // does not shorten it
	p.do(a, "SET", "k", "w")
	p.do(a, "PUBLISH", "ch", "m")
	p.until(b, "slave_read_repl_offset", fieldsOf(a.ask(t, "INFO"))["master_repl_offset"])
	p.see("read and not applied", b)
	p.do(b, "GET", "k")
	p.do(b, "CLIENT", "UNPAUSE")
	p.same(a, b)
	p.see("applied", b)
	p.base, _ = strconv.Atoi(fieldsOf(a.ask(t, "INFO"))["master_repl_offset"])

	// The switchover.
	writer, publisher, transaction, lost := dialRaw(t, p.a), dialRaw(t, p.a), dialRaw(t, p.a), dialRaw(t, p.a)
	p.do(transaction, "MULTI")
	p.do(transaction, "GET", "k")
	p.do(a, "CLIENT", "PAUSE", "100000", "WRITE")
	writer.write(t, "SET", "k", "waits")
	publisher.write(t, "PUBLISH", "ch", "waits")
	transaction.write(t, "SET", "k", "waits")
	transaction.write(t, "EXEC")
	lost.write(t, "SET", "k", "lost")
	p.do(a, "GET", "k")
	p.do(a, "SLAVEOF", hostA, portA)
	p.do(dialRaw(t, p.a), "SET", "k", "late")
	p.see("follows itself", a)
	p.until(b, "master_link_status", "up") // as long as its master refuses nothing but new replicas
	p.see("the replica of one that follows itself", b)
	p.do(b, "SLAVEOF", "NO", "ONE")
	p.see("promoted", b)
	p.do(a, "SLAVEOF", hostB, portB)
	p.do(a, "CLIENT", "UNPAUSE")
	p.note("writer", writer.read(t))
	p.note("publisher", publisher.read(t))
	p.note("transaction", transaction.read(t)+" "+transaction.read(t))
	p.note("another writer", lost.read(t))
	p.until(a, "master_link_status", "up")
	p.same(b, a)
	p.see("switched", a, b)
	p.note("synchronisations", fmt.Sprint(syncs(b.ask(t, "INFO"))))

	// A replica that is promoted in a pause loses what it has not applied.
	p.do(b, "SET", "k", "x")
	p.same(b, a)
	p.base, _ = strconv.Atoi(fieldsOf(b.ask(t, "INFO"))["master_repl_offset"])
	p.do(a, "CLIENT", "PAUSE", "100000", "WRITE")
	p.do(b, "SET", "gone", "x")
	p.until(a, "slave_read_repl_offset", fieldsOf(b.ask(t, "INFO"))["master_repl_offset"])
	p.do(a, "SLAVEOF", "NO", "ONE")
	p.see("promoted in a pause", a)
	p.do(a, "CLIENT", "UNPAUSE")
	p.do(a, "EXISTS", "gone")
	return p.out
}

// stateOf returns the state of a replica in the INFO of its master. Whether it has
// acknowledged anything is a matter of moments.
func stateOf(line string) string {
	_, rest, _ := strings.Cut(line, "state=")
	state, _, _ := strings.Cut(rest, ",")
	return strings.Replace(state, "send_bulk", "online", 1)
}

func syncs(text string) []string {
	f := fieldsOf(text)
	return []string{f["sync_full"], f["sync_partial_ok"], f["sync_partial_err"]}
}

func (p *pairScript) note(what, saw string) { p.out = append(p.out, what+": "+saw) }

func (p *pairScript) do(c *rawConn, words ...string) {
	p.t.Helper()
	p.note(strings.NewReplacer(p.port(p.a), "A", p.port(p.b), "B").Replace(strings.Join(words, " ")), c.ask(p.t, words...))
}

func (p *pairScript) port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func (p *pairScript) until(c *rawConn, field, want string) {
	p.t.Helper()
	eventually(p.t, field+" to become "+want, func() (any, bool) {
		got := fieldsOf(c.ask(p.t, "INFO"))[field]
		return got, got == want
	})
}

// same waits until a replica has applied all that its master has.
func (p *pairScript) same(master, replica *rawConn) {
	p.t.Helper()
	p.until(replica, "slave_repl_offset", fieldsOf(master.ask(p.t, "INFO"))["master_repl_offset"])
}

// see notes the fields of INFO by which Sentinels judge, with names for what differs
// from run to run.
func (p *pairScript) see(what string, conns ...*rawConn) {
	p.t.Helper()
	for _, c := range conns {
		f := fieldsOf(c.ask(p.t, "INFO"))
		var b strings.Builder
		for _, name := range []string{
			"role", "master_port", "master_link_status", "master_sync_in_progress", "master_link_down_since_seconds", "slave_repl_offset", "slave_read_repl_offset",
			"slave_read_only", "connected_slaves", "master_failover_state", "master_replid", "master_replid2", "master_repl_offset", "second_repl_offset",
			"slave0", "loading", "async_loading", "aof_enabled", "rdb_saves", "db0",
		} {
			val, ok := f[name]
			if name == "slave0" {
				val, ok = stateOf(val), true
			}
			n, err := strconv.Atoi(val)
			switch {
			case !ok:
				val = "absent"
			case name == "master_port":
				val = strings.NewReplacer(p.port(p.a), "A", p.port(p.b), "B").Replace(val)
			case strings.HasPrefix(name, "master_replid"):
				if p.names[val] == "" {
					p.names[val] = fmt.Sprint("R", len(p.names))
				}
				val = p.names[val]
			case strings.HasSuffix(name, "offset") && err == nil && n > 0:
				val = fmt.Sprint("X+", n-p.base)
			}
			fmt.Fprintf(&b, " %s=%s", name, val)
		}
		p.note(what, b.String())
	}
}
