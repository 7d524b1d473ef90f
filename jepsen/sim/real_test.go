package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestModelSaysWhatRedisSays has the model servers and real ones go through the
// same and compares what they say of themselves after each step: roles, links,
// names of histories and where these end, offsets, keys.
func TestModelSaysWhatRedisSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  storageKind
		lines []string
	}{
		{"RDB", snapshots, []string{"save 3600 1"}},
		{"AOF", appendOnly, []string{"appendonly yes", "appendfsync always"}},
		{"nothing stored", noStorage, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, c.kind, c.lines)
			w.switchover()
			w.restarts()
			w.pauses()
			w.unappliedIsLost()
		})
	}
}

const (
	a = iota
	b
	c
	twinCount
)

// twins are three real servers and three of the model.
type twins struct {
	*testing.T
	ctx   context.Context
	real  []*cluster.Server
	w     *world
	model []*server
	kind  storageKind
	keys  int
	// The names of histories that were met, in the order in which they were.
	realIDs, modelIDs []string
}

func newTwins(t *testing.T, kind storageKind, lines []string) *twins {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	w := &twins{T: t, ctx: ctx, kind: kind}
	cl, err := cluster.New(cluster.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cl.Close(); err != nil {
			t.Error(err)
		}
	})
	for k := range twinCount {
		port, err := cl.Port()
		if err != nil {
			t.Fatal(err)
		}
		s, err := cl.StartServer(cluster.NodeSpec{Name: "r0" + string(rune('a'+k)), Port: port, Conf: cluster.ServerConf(port, append(lines, "repl-ping-replica-period 3600")...)})
		if err != nil {
			t.Fatal(err)
		}
		w.real = append(w.real, s)
	}
	for _, s := range w.real {
		if err := s.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	sc, err := ParseScenario(small)
	if err != nil {
		t.Fatal(err)
	}
	sc.Options.PingPeriod, sc.Options.ReplTimeout = time.Hour, time.Hour
	w.w = newWorld(sc, nil)
	w.model = w.w.servers
	for _, s := range w.model {
		s.storage = storage{kind: kind}
		s.saved = roleConfig{role: monitor.RoleMaster}
		s.crash(false)
		s.start(loseAll)
		s.lastPing = w.w.now
	}
	w.same("three servers start")
	return w
}

// facts is what a server says of itself, with names and numbers that both sides
// have in common.
type facts struct {
	role, follows, link, downSince string
	syncing, loading, aof          bool
	id, id2                        int // by their first appearance; 0: none
	second, offset, read           int // places in the order of all offsets
	keys                           int
	replicas                       string
}

// same waits until both sides say the same, the model after a few seconds and the
// real servers in time.
func (w *twins) same(what string) {
	w.Helper()
	w.w.advance(3 * time.Second)
	want, ids := describe(w.modelInfos(), w.modelIDs)
	w.modelIDs = ids
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	last := ""
	err := cluster.WaitFor(ctx, what, func(ctx context.Context) (string, bool) {
		infos, err := w.realInfos(ctx)
		if err != nil {
			return cmp.Or(last, err.Error()), false
		}
		got, ids := describe(infos, w.realIDs)
		if !slices.Equal(got, want) {
			last = fmt.Sprintf("redis-server says\n%+v\nthe model says\n%+v", got, want)
			return last, false
		}
		w.realIDs = ids
		return "", true
	})
	if err != nil {
		w.Fatalf("after %q: %v", what, err)
	}
}

func (w *twins) modelInfos() (infos []map[string]string) {
	for _, s := range w.model {
		info := map[string]string{}
		if !s.dead {
			info = fieldsOf(string(s.info()), func(host, port string) string { return w.w.nameOf(hostPortOf(host, port)) })
			written := 0
			for _, write := range s.log {
				if write != 0 {
					written++
				}
			}
			info["keys"] = strconv.Itoa(written)
		}
		infos = append(infos, info)
	}
	return infos
}

func hostPortOf(host, port string) monitor.HostPort {
	n, _ := strconv.Atoi(port)
	return monitor.HostPort{Host: host, Port: n}
}

func (w *twins) realInfos(ctx context.Context) (infos []map[string]string, err error) {
	name := func(_, port string) string {
		for _, s := range w.real {
			if strconv.Itoa(s.Port()) == port {
				return s.Name()
			}
		}
		return port
	}
	for _, s := range w.real {
		info := map[string]string{}
		if s.Running() {
			text, err := s.Client().Info(ctx, "everything").Result()
			if err != nil {
				return nil, err
			}
			keys, err := s.Client().DBSize(ctx).Result()
			if err != nil {
				return nil, err
			}
			info = fieldsOf(text, name)
			info["keys"] = strconv.FormatInt(keys, 10)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// fieldsOf reads an INFO. Addresses become names.
func fieldsOf(text string, name func(host, port string) string) map[string]string {
	info := map[string]string{}
	var replicas []string
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		info[key] = value
		if strings.HasPrefix(key, "slave") && strings.HasPrefix(value, "ip=") {
			part := map[string]string{}
			for f := range strings.SplitSeq(value, ",") {
				k, v, _ := strings.Cut(f, "=")
				part[k] = v
			}
			replicas = append(replicas, name(part["ip"], part["port"])+" "+part["state"])
		}
	}
	if info["role"] == "slave" {
		info["follows"] = name(info["master_host"], info["master_port"])
	}
	slices.Sort(replicas)
	info["replicas"] = strings.Join(replicas, ", ")
	return info
}

// describe makes the facts of all servers.
func describe(infos []map[string]string, known []string) (all []facts, ids []string) {
	ids = slices.Clone(known)
	named := func(id string) int {
		if strings.Trim(id, "0") == "" {
			return 0
		}
		if k := slices.Index(ids, id); k >= 0 {
			return k + 1
		}
		ids = append(ids, id)
		return len(ids)
	}
	const ping = 14 // bytes in the stream
	offsets := []int{0}
	number := func(info map[string]string, key string) int {
		n, _ := strconv.Atoi(info[key])
		if key == "second_repl_offset" {
			n = max(0, n-1) // 1 is the first byte
		}
		if n <= 1+ping {
			// An AOF that was read leaves a replica at 1. And a server that was just
			// started sends a PING to the replicas that it finds then.
			n = 0
		}
		return n
	}
	const second, read, applied, written = "second_repl_offset", "slave_read_repl_offset", "slave_repl_offset", "master_repl_offset"
	for _, info := range infos {
		for _, key := range []string{second, read, applied, written} {
			if n := number(info, key); !slices.Contains(offsets, n) && (key != written || info["role"] == "master") {
				offsets = append(offsets, n)
			}
		}
	}
	slices.Sort(offsets)
	place := func(info map[string]string, key string) int { return slices.Index(offsets, number(info, key)) }
	for _, info := range infos {
		f := facts{
			role: info["role"], follows: info["follows"], link: info["master_link_status"],
			syncing: info["master_sync_in_progress"] == "1", loading: info["loading"] == "1", aof: info["aof_enabled"] == "1",
			id: named(info["master_replid"]), id2: named(info["master_replid2"]), second: place(info, second),
			offset: place(info, applied), read: place(info, read), replicas: info["replicas"],
		}
		if f.role == "master" {
			f.offset, f.read = place(info, written), 0
		}
		f.keys, _ = strconv.Atoi(info["keys"])
		if since, ok := info["master_link_down_since_seconds"]; ok {
			f.downSince = either(since == "-1", "never", "once")
		}
		all = append(all, f)
	}
	return all, ids
}

func (w *twins) do(k int, args ...any) {
	w.Helper()
	if _, err := w.real[k].Do(w.ctx, args...); err != nil {
		w.Fatalf("%v at %s: %v", args, w.real[k].Name(), err)
	}
}

func (w *twins) write(k, n int) {
	w.Helper()
	for range n {
		w.keys++
		w.do(k, "SET", w.keys, w.keys)
		if s := w.model[k]; s.refusesWrites() == "" {
			s.append(uint32(w.keys), nil)
		}
	}
}

func (w *twins) follow(k, to int) {
	w.Helper()
	w.do(k, "REPLICAOF", "127.0.0.1", w.real[to].Port())
	w.model[k].follow(w.model[to].addr)
}

func (w *twins) promote(k int) {
	w.Helper()
	w.do(k, "REPLICAOF", "NO", "ONE")
	w.model[k].follow(monitor.HostPort{})
}

// keep has a server write its configuration and its data.
func (w *twins) keep(k int) {
	w.Helper()
	w.do(k, "CONFIG", "REWRITE")
	w.model[k].obey(nil, monitor.RewriteConfig{})
	if w.kind == snapshots {
		w.do(k, "SAVE")
	}
	w.model[k].store()
	// A replica that was filled writes its append only file anew, and has the old one
	// until it has.
	w.waitInfo(k, "persistence", func(info string) bool {
		return !strings.Contains(info, "aof_rewrite_in_progress:1") && !strings.Contains(info, "aof_rewrite_scheduled:1")
	})
}

// waitInfo waits until a section of a real server's INFO is as it should be.
func (w *twins) waitInfo(k int, section string, ok func(info string) bool) {
	w.Helper()
	err := cluster.WaitFor(w.ctx, "INFO "+section, func(ctx context.Context) (string, bool) {
		text, err := w.real[k].Client().Info(ctx, section).Result()
		return text, err == nil && ok(text)
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *twins) kill(k int) {
	w.Helper()
	w.real[k].Kill()
	w.model[k].crash(false)
}

func (w *twins) start(k int) {
	w.Helper()
	if err := w.real[k].Start(); err != nil {
		w.Fatal(err)
	}
	if err := w.real[k].WaitReady(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.model[k].start(loseTail)
}

// switchover hands the role of a over to b.
func (w *twins) switchover() {
	w.write(a, 3)
	w.same("writes without a replica")
	w.follow(b, a)
	w.same("a first replica")
	w.write(a, 1)
	w.follow(c, a)
	w.same("a second replica")
	w.write(a, 2)
	w.same("writes with replicas")
	w.follow(a, a)
	w.same("the master follows itself")
	w.promote(b)
	w.same("a replica is promoted")
	w.follow(a, b)
	w.same("the old master follows the new one")
	w.follow(c, b)
	w.same("and the other replica too")
	w.write(b, 2)
	w.same("writes at the new master")
}

// restarts kills and starts each server, while another that it follows is away or
// there.
func (w *twins) restarts() {
	for k := range twinCount {
		w.keep(k)
	}
	w.kill(b)
	w.same("the master has died")
	w.kill(c)
	w.start(c)
	w.same("a replica is restarted without its master")
	w.start(b)
	w.same("the master is restarted")
	w.write(b, 2)
	w.same("writes at the restarted master")
	w.keep(a) // the model has saved a second ago
	w.kill(a)
	w.start(a)
	w.same("a replica is restarted")
	w.follow(a, a)
	w.promote(a)
	w.same("a replica is made a master by hand")
	w.follow(a, b)
	w.same("and follows again")
}

// pauses compares who waits and who is refused.
func (w *twins) pauses() {
	w.do(b, "CLIENT", "PAUSE", 60_000, "WRITE")
	w.do(b, "CLIENT", "PAUSE", 1, "WRITE") // the longest wins
	w.model[b].pauseFor(time.Minute, false)
	w.model[b].pauseFor(time.Millisecond, false)
	waits := []chan error{w.behind(b, "SET", "paused", 1), w.behind(b, "PUBLISH", "a channel", "paused")}
	at := &recorder{}
	write, publish := w.modelConn(b, at), w.modelConn(b, at)
	w.model[b].serve(write, clientWrite{1})
	w.model[b].serve(publish, monitor.Send{Cmd: monitor.PublishHello{}})
	w.w.advance(time.Second)
	w.waitInfo(b, "clients", func(info string) bool { return strings.Contains(info, fmt.Sprintf("blocked_clients:%d\r", len(waits))) })
	if got := len(w.model[b].pause.waiting); got != len(waits) || len(at.heard) > 0 {
		w.Errorf("%d wait at the model, want %d; it has answered %v", got, len(waits), at.heard)
	}
	w.do(b, "EXISTS", "paused")
	w.do(b, "PING")
	w.follow(b, b)
	w.same("a paused master follows itself")

	_, err := w.real[b].Do(w.ctx, "SET", "late", 1)
	late := w.modelConn(b, at)
	w.model[b].serve(late, clientWrite{2})
	w.w.advance(time.Second)
	w.refused("a write after the demotion", err, at.take())

	w.do(b, "CLIENT", "UNPAUSE")
	w.model[b].unpause()
	w.w.advance(time.Second)
	answers := at.take()
	w.refused("a write that has waited", <-waits[0], answers)
	if err := <-waits[1]; err != nil {
		w.Errorf("PUBLISH after the pause: %v", err)
	}
	w.promote(b)
	w.same("the master serves again")
	for k := range twinCount {
		if k != b {
			w.follow(k, b)
		}
	}
	w.same("all follow it")
}

// behind sends a command and returns where its answer will be.
func (w *twins) behind(k int, args ...any) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := w.real[k].Do(w.ctx, args...)
		done <- err
	}()
	return done
}

func (w *twins) refused(what string, err error, answers []clientReply) {
	w.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
		w.Errorf("%s: redis-server says %v", what, err)
	}
	if len(answers) != 1 || answers[0].err != "READONLY" {
		w.Errorf("%s: the model says %v", what, answers)
	}
}

// recorder is a client of the model.
type recorder struct{ heard []clientReply }

func (r *recorder) host() hostID { return 0 }
func (r *recorder) up(*conn)     {}
func (r *recorder) hear(_ *conn, msg any) {
	if reply, ok := msg.(clientReply); ok {
		r.heard = append(r.heard, reply)
	}
}
func (r *recorder) down(*conn, string) {}

func (r *recorder) take() []clientReply {
	heard := r.heard
	r.heard = nil
	return heard
}

func (w *twins) modelConn(k int, r *recorder) *conn {
	c := w.w.dial(r, clientConn, 0, w.model[k].addr)
	w.w.advance(time.Second)
	return c
}

// unappliedIsLost pauses a replica, which then reads its stream and does not
// execute it, and promotes it.
func (w *twins) unappliedIsLost() {
	w.write(b, 1) // SELECT, which comes with the first, is not held up
	w.same("writes reach all")
	w.do(a, "CLIENT", "PAUSE", 60_000, "WRITE")
	w.model[a].pauseFor(time.Minute, false)
	w.write(b, 3)
	w.same("a paused replica reads and does not execute")
	w.promote(a)
	w.same("what it has not executed is lost when it is promoted")
	w.do(a, "CLIENT", "UNPAUSE")
	w.model[a].unpause()
	w.same("also when the pause is over")
}
