package fakeredis

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReplicaGetsCopyAndStream(t *testing.T) {
	master := start(t, Config{})
	m := dial(t, master.Addr())
	must(t, m, "SET", "before", "1")
	must(t, m, "RPUSH", "list", "a", "b")
	replica := startReplica(t, master)
	must(t, m, "SET", "after", "2")
	must(t, m, "RPUSH", "list", "c")
	must(t, m, "DEL", "before")
	must(t, m, "INCR", "n")
	must(t, m, "SET", "after", "3", "NX") // changes nothing, so it must not be propagated
	waitSame(t, master, replica)

	r := dial(t, replica.Addr())
	if got := fmt.Sprintln(must(t, r, "LRANGE", "list", 0, -1), must(t, r, "GET", "after"), must(t, r, "GET", "n")); got != "[a b c] 2 1\n" {
		t.Errorf("the replica holds %s", got)
	}
	if got := failing(t, r, "SET", "x", "y"); !strings.HasPrefix(got, "READONLY") {
		t.Errorf("a write to the replica: %s", got)
	}
	must(t, m, "FLUSHALL")
	waitSame(t, master, replica)
}

func TestInfoAndRole(t *testing.T) {
	master := start(t, Config{})
	replica := start(t, Config{ReplicaOf: master.Addr(), Priority: 7, Parameters: map[string]string{
		"replica-announce-ip": "127.0.0.9", "replica-announce-port": "4242", "replica-announced": "no"}})
	waitLink(t, replica)
	_, masterPort, _ := net.SplitHostPort(master.Addr())
	got := info(t, replica)
	for name, want := range map[string]string{
		"role": "slave", "master_host": "127.0.0.1", "master_port": masterPort, "master_sync_in_progress": "0", "slave_priority": "7",
		"slave_read_only": "1", "replica_announced": "0", "connected_slaves": "0", "second_repl_offset": "-1",
		"redis_version": redisVersion, "run_id": replica.RunID(), "loading": "0",
	} {
		if got[name] != want {
			t.Errorf("replica: %s is %q, want %q", name, got[name], want)
		}
	}
	eventually(t, "the replica to be listed", func() (any, bool) {
		l := info(t, master)["slave0"]
		return l, strings.HasPrefix(l, "ip=127.0.0.9,port=4242,state=online,offset=") && strings.HasSuffix(l, ",lag=0")
	})
	if got := info(t, master); got["role"] != "master" || got["connected_slaves"] != "1" {
		t.Errorf("master: %v", got)
	}
	if got := dialRaw(t, master.Addr()).ask(t, "ROLE"); !strings.HasPrefix(got, "*[master :") || !strings.Contains(got, "*[127.0.0.9 4242 ") {
		t.Errorf("ROLE of the master: %s", got)
	}
	if got := dialRaw(t, replica.Addr()).ask(t, "ROLE"); !strings.HasPrefix(got, "*[slave 127.0.0.1 :"+masterPort+" connected :") {
		t.Errorf("ROLE of the replica: %s", got)
	}
	if got := dialRaw(t, replica.Addr()).ask(t, "CLIENT", "LIST", "TYPE", "master"); !strings.Contains(got, "flags=M") {
		t.Errorf("CLIENT LIST TYPE master: %s", got)
	}

	master.Crash()
	waitInfo(t, replica, "master_link_status", "down")
	down := info(t, replica)["master_link_down_since_seconds"]
	if n, err := strconv.Atoi(down); err != nil || n < 0 {
		t.Errorf("master_link_down_since_seconds is %q", down)
	}
	orphan := start(t, Config{ReplicaOf: master.Addr()})
	if got := info(t, orphan); got["master_link_down_since_seconds"] != "-1" || got["slave_repl_offset"] != "0" {
		t.Errorf("a replica that never had a link: %v", got)
	}
}

// TestPartialResync cuts the link and expects the replica to continue from the
// backlog.
func TestPartialResync(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	m := dial(t, master.Addr())
	for i := range 5 {
		must(t, m, "CLIENT", "KILL", "TYPE", "replica")
		must(t, m, "INCR", "n")
		waitInfo(t, master, "sync_partial_ok", strconv.Itoa(i+1))
	}
	waitSame(t, master, replica)
	if got := info(t, master)["sync_full"]; got != "1" {
		t.Errorf("full copies: %s, want only the first", got)
	}
	r := dial(t, replica.Addr())
	if got := must(t, r, "CLIENT", "KILL", "TYPE", "master"); got != int64(1) {
		t.Errorf("CLIENT KILL TYPE master on the replica: %v", got)
	}
	waitInfo(t, master, "sync_partial_ok", "6")
}

// TestBacklogOverflow lets a replica miss more than the backlog holds, so that it
// needs a full copy.
func TestBacklogOverflow(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	replica.Pause()
	m := dial(t, master.Addr())
	must(t, m, "CLIENT", "KILL", "TYPE", "replica")
	big := strings.Repeat("x", backlogSize/2)
	for i := range 4 {
		must(t, m, "SET", fmt.Sprint("k", i), big)
	}
	replica.Resume()
	waitInfo(t, master, "sync_full", "2")
	waitSame(t, master, replica)
}

// TestFailoverContinuesPartially promotes one of two replicas by hand. The other
// one and the old master, which has nothing that the promoted one lacks, must
// continue without a full copy.
func TestFailoverContinuesPartially(t *testing.T) {
	master := start(t, Config{})
	a, b := startReplica(t, master), startReplica(t, master)
	m := dial(t, master.Addr())
	must(t, m, "SET", "k", "v")
	if got := must(t, m, "WAIT", 2, 10000); got != int64(2) {
		t.Fatalf("WAIT: %v", got)
	}
	waitSame(t, master, a)
	follow(t, a, nil)
	oldID := info(t, master)["master_replid"]
	if got := info(t, a); got["master_replid2"] != oldID || got["master_replid"] == oldID {
		t.Errorf("ids after the promotion: %v, before %s", got, oldID)
	}
	follow(t, b, a)
	follow(t, master, a)
	must(t, dial(t, a.Addr()), "SET", "k", "new")
	waitSame(t, a, b)
	waitSame(t, a, master)
	if got := info(t, a); got["sync_full"] != "0" || got["sync_partial_ok"] != "2" {
		t.Errorf("full copies %s, partial %s; want 0 and 2", got["sync_full"], got["sync_partial_ok"])
	}
}

// follow makes s a replica of master, or a master if that is nil.
func follow(t *testing.T, s, master *Server) {
	t.Helper()
	host, port := "NO", "ONE"
	if master != nil {
		host, port, _ = net.SplitHostPort(master.Addr())
	}
	must(t, dial(t, s.Addr()), "REPLICAOF", host, port)
	if master != nil {
		waitInfo(t, s, "master_port", port)
		waitLink(t, s)
	}
}

// TestDivergedMasterGetsFullCopy shows the anomaly that the second replication id
// must prevent: an old master with writes that were never replicated must not
// continue, even though the new master's backlog covers its offset.
func TestDivergedMasterGetsFullCopy(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	m := dial(t, master.Addr())
	must(t, m, "SET", "k", "shared")
	must(t, m, "WAIT", 1, 10000)
	waitSame(t, master, replica)
	follow(t, replica, nil)
	must(t, m, "SET", "lost", "1")
	r := dial(t, replica.Addr())
	for range 20 {
		must(t, r, "INCR", "n")
	}
	follow(t, master, replica)
	waitSame(t, replica, master)
	if got := info(t, replica)["sync_full"]; got != "1" {
		t.Errorf("full copies: %s, want 1", got)
	}
	if got := must(t, m, "EXISTS", "lost"); got != int64(0) {
		t.Error("the unreplicated write survived on the old master")
	}
}

func TestChainedReplicas(t *testing.T) {
	top := start(t, Config{})
	middle := startReplica(t, top)
	bottom := startReplica(t, middle)
	c := dial(t, top.Addr())
	must(t, c, "SET", "k", "v")
	waitSame(t, top, bottom)
	// The middle one is promoted: the bottom one must learn the new history's id
	// and continue.
	follow(t, middle, nil)
	must(t, dial(t, middle.Addr()), "SET", "k", "w")
	waitSame(t, middle, bottom)
	// And back: the middle one's writes since then are not in the top's history,
	// so both need a full copy.
	follow(t, middle, top)
	must(t, c, "SET", "k", "x")
	waitSame(t, top, middle)
	waitSame(t, top, bottom)
}

func TestPublishReachesSubscribersOfReplicas(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	sub := dialRaw(t, replica.Addr())
	sub.ask(t, "SUBSCRIBE", "ch")
	must(t, dial(t, master.Addr()), "PUBLISH", "ch", "hello")
	if got := sub.read(t); got != "*[message ch hello]" {
		t.Errorf("got %s", got)
	}
	must(t, dial(t, replica.Addr()), "PUBLISH", "ch", "local")
	if got := sub.read(t); got != "*[message ch local]" {
		t.Errorf("got %s", got)
	}
}

// TestTransactionTravelsWhole checks the bytes of the stream.
func TestTransactionTravelsWhole(t *testing.T) {
	master := start(t, Config{})
	fake := attachFake(t, master)
	m := dialRaw(t, master.Addr())
	for _, words := range [][]string{{"MULTI"}, {"SET", "a", "1"}, {"GET", "a"}, {"INCR", "a"}, {"EXEC"}} {
		m.ask(t, words...)
	}
	m.ask(t, "SET", "b", "1")
	for _, want := range []string{"*[MULTI]", "*[SET a 1]", "*[INCRBY a 1]", "*[EXEC]", "*[SET b 1]"} {
		got := fake.read(t)
		for got == "*[PING]" {
			got = fake.read(t)
		}
		if got != want {
			t.Errorf("the stream has %s, want %s", got, want)
		}
	}
}

// attachFake makes a connection a replica that acknowledges nothing by itself.
func attachFake(t *testing.T, master *Server) *rawConn {
	t.Helper()
	c := dialRaw(t, master.Addr())
	if got := c.ask(t, "PSYNC", "?", "-1"); !strings.HasPrefix(got, "+FULLRESYNC ") {
		t.Fatal(got)
	}
	header, err := readLine(c.r)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(header[1:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.r.Discard(n); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestHalfTransactionIsNotApplied: a replica whose link breaks between MULTI and
// EXEC must not show the first half.
func TestHalfTransactionIsNotApplied(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	id := newID(rand.Reader)
	replica := start(t, Config{ReplicaOf: ln.Addr().String()})
	first := acceptReplica(t, ln)
	snapshot := appendSnapshot(nil, newKeyspace())
	fmt.Fprintf(first.conn, "+FULLRESYNC %s 100\r\n$%d\r\n%s", id, len(snapshot), snapshot)
	multi := appendCommand(appendCommand(nil, "MULTI"), "INCRBY", "a", "1")
	whole := appendCommand(append([]byte(nil), multi...), "EXEC")
	_, _ = first.conn.Write(multi)
	if got := first.read(t); got != "*[REPLCONF ACK 100]" {
		t.Errorf("first acknowledgement: %s", got)
	}
	_ = first.conn.Close()

	second := acceptReplica(t, ln)
	if want := "*[PSYNC " + id + " 101]"; second.psync != want {
		t.Errorf("the replica asks %s, want %s", second.psync, want)
	}
	if got := must(t, dial(t, replica.Addr()), "EXISTS", "a"); got != int64(0) {
		t.Error("half a transaction was applied")
	}
	fmt.Fprintf(second.conn, "+CONTINUE %s\r\n%s", id, whole)
	_, _ = second.conn.Write(appendCommand(nil, "REPLCONF", "GETACK", "*"))
	want := fmt.Sprintf("*[REPLCONF ACK %d]", 100+len(whole))
	for got := ""; got != want; {
		got = second.read(t)
	}
	if got := must(t, dial(t, replica.Addr()), "GET", "a"); got != "1" {
		t.Errorf("after the whole transaction: %v", got)
	}
}

// fakeMaster is the master's side of a link, driven by a test.
type fakeMaster struct {
	*rawConn
	psync string
}

// acceptReplica accepts the next connection of a replica and handles it up to its
// PSYNC, which the caller answers.
func acceptReplica(t *testing.T, ln net.Listener) *fakeMaster {
	t.Helper()
	_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	m := &fakeMaster{rawConn: &rawConn{conn: conn, r: bufio.NewReader(conn)}}
	for {
		m.psync = m.read(t)
		if strings.HasPrefix(m.psync, "*[PSYNC ") {
			return m
		}
		_, _ = conn.Write([]byte("+OK\r\n"))
	}
}

// TestHostileMaster: whatever a master sends, the replica keeps its data and logs
// why it has no link.
func TestHostileMaster(t *testing.T) {
	id := newID(rand.Reader)
	empty := string(appendSnapshot(nil, newKeyspace()))
	synced := fmt.Sprintf("+FULLRESYNC %s 0\r\n$%d\r\n%s", id, len(empty), empty)
	for name, tc := range map[string]struct{ answer, lastLogged string }{
		"HTTP":              {"HTTP/1.1 400 Bad Request\r\n\r\n", "refuses to synchronise"},
		"error":             {"-NOMASTERLINK no\r\n", "NOMASTERLINK"},
		"negative offset":   {"+FULLRESYNC " + id + " -5\r\n", "impossible position"},
		"short id":          {"+FULLRESYNC abc 5\r\n", "impossible position"},
		"endless line":      {strings.Repeat("x", 1<<16), "endless line"},
		"huge snapshot":     {"+FULLRESYNC " + id + " 0\r\n$99999999999\r\n", "is no length"},
		"foreign snapshot":  {"+FULLRESYNC " + id + " 0\r\n$12\r\nREDIS0009\xfaxx", "only a full Redis"},
		"huge argument":     {synced + "*1\r\n$9223372036854775807\r\n", "is no number"},
		"huge count":        {synced + "*9223372036854775807\r\n", "is no number"},
		"garbage in stream": {synced + "hello\r\n", "expected '*'"},
		"foreign command":   {synced + string(appendCommand(nil, "HSET", "h", "f", "v")), "unknown command"},
		"local command":     {synced + string(appendCommand(nil, "CONFIG", "SET", "requirepass", "x")), "cannot replicate this command"},
		"wrong type":        {synced + string(appendCommand(appendCommand(nil, "SET", "k", "v"), "RPUSH", "k", "v")), "WRONGTYPE"},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			replica := start(t, Config{ReplicaOf: ln.Addr().String()})
			m := acceptReplica(t, ln)
			_, _ = m.conn.Write([]byte(tc.answer))
			eventually(t, "a complaint", func() (any, bool) {
				replica.mu.Lock()
				defer replica.mu.Unlock()
				return replica.link.lastLogged, strings.Contains(replica.link.lastLogged, tc.lastLogged)
			})
		})
	}
}

func TestWait(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	c := dialRaw(t, master.Addr())
	c.ask(t, "SET", "k", "v")
	if got := c.ask(t, "WAIT", "1", "0"); got != ":1" {
		t.Errorf("WAIT 1: %s", got)
	}
	replica.Pause()
	c.ask(t, "SET", "k", "w")
	if got := c.ask(t, "WAIT", "1", "20"); got != ":0" {
		t.Errorf("WAIT with a frozen replica: %s", got)
	}
	c.write(t, "WAIT", "1", "0")
	c.write(t, "GET", "k")
	replica.Resume()
	if got := c.read(t) + c.read(t); got != ":1w" {
		t.Errorf("WAIT that ends with the acknowledgement, then GET: %s", got)
	}
	// A client that disconnects while it waits must not stay blocked.
	c.write(t, "WAIT", "5", "0")
	waitInfo(t, master, "blocked_clients", "1")
	_ = c.conn.Close()
	waitInfo(t, master, "blocked_clients", "0")
	// Nor may one whose server stops being a master.
	d := dialRaw(t, master.Addr())
	d.write(t, "WAIT", "5", "0")
	waitInfo(t, master, "blocked_clients", "1")
	follow(t, replica, nil)
	must(t, dial(t, master.Addr()), "REPLICAOF", "127.0.0.1", replica.Port())
	if got := d.read(t); !strings.HasPrefix(got, "-UNBLOCKED") {
		t.Errorf("WAIT across a demotion: %s", got)
	}
}

func TestMinReplicas(t *testing.T) {
	master := start(t, Config{Parameters: map[string]string{"min-replicas-to-write": "1", "min-replicas-max-lag": "1"}})
	m := dial(t, master.Addr())
	if got := failing(t, m, "SET", "k", "v"); !strings.HasPrefix(got, "NOREPLICAS") {
		t.Errorf("without a replica: %s", got)
	}
	replica := startReplica(t, master)
	waitInfo(t, master, "min_slaves_good_slaves", "1")
	must(t, m, "SET", "k", "v")
	replica.Pause()
	waitInfo(t, master, "min_slaves_good_slaves", "0")
	if got := failing(t, m, "SET", "k", "w"); !strings.HasPrefix(got, "NOREPLICAS") {
		t.Errorf("with a frozen replica: %s", got)
	}
	replica.Resume()
	waitInfo(t, master, "min_slaves_good_slaves", "1")
}

func TestStaleReplica(t *testing.T) {
	master := start(t, Config{Password: "pw"})
	replica := start(t, Config{ReplicaOf: master.Addr(), Parameters: map[string]string{"replica-serve-stale-data": "no"}})
	r := dialRaw(t, replica.Addr())
	eventually(t, "the reason in the log", func() (any, bool) {
		replica.mu.Lock()
		defer replica.mu.Unlock()
		return replica.link.lastLogged, strings.Contains(replica.link.lastLogged, "set masterauth")
	})
	if got := r.ask(t, "GET", "k"); !strings.HasPrefix(got, "-MASTERDOWN") {
		t.Errorf("GET without a link: %s", got)
	}
	if got := r.ask(t, "PING"); got != "+PONG" {
		t.Errorf("PING without a link: %s", got)
	}
	r.ask(t, "CONFIG", "SET", "masterauth", "pw")
	waitLink(t, replica)
	if got := r.ask(t, "GET", "k"); got != "(nil)" {
		t.Errorf("GET with a link: %s", got)
	}
}

// TestRealRedisReplicates makes a redis-server replicate from a mini-Redis, which
// is the strictest check of snapshot, stream and offsets.
func TestRealRedisReplicates(t *testing.T) {
	master := start(t, Config{})
	m := dial(t, master.Addr())
	big := strings.Repeat("x", 20000)
	must(t, m, "SET", "k", "v")
	must(t, m, "SET", "big", big)
	must(t, m, "RPUSH", "l", "a", strings.Repeat("b", 100), big)
	_, port, _ := net.SplitHostPort(master.Addr())
	spawn(t, tool(t, "redis-server"), nil, "--port", "22021", "--save", "", "--bind", "127.0.0.1", "--dir", t.TempDir(), "--replicaof", "127.0.0.1 "+port)
	waitPing(t, "127.0.0.1:22021")
	eventually(t, "the real replica to be online", func() (any, bool) {
		l := info(t, master)["slave0"]
		return l, strings.Contains(l, "port=22021,state=online")
	})
	must(t, m, "INCRBY", "n", 7)
	if _, err := m.TxPipelined(t.Context(), twoWrites); err != nil {
		t.Fatal(err)
	}
	if got := must(t, m, "WAIT", 1, 10000); got != int64(1) {
		t.Fatalf("WAIT: %v", got)
	}
	r := dial(t, "127.0.0.1:22021")
	if got := fmt.Sprintln(must(t, r, "GET", "k"), must(t, r, "GET", "n"), must(t, r, "GET", "t1"), must(t, r, "LLEN", "l"), must(t, r, "DBSIZE")); got != "v 7 1 3 6\n" {
		t.Errorf("the real replica holds %s", got)
	}
	if must(t, r, "GET", "big") != big || must(t, r, "LRANGE", "l", 2, 2).([]any)[0] != big {
		t.Error("long values differ")
	}
}
