package mixed

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// settleLimit is how long Sentinels may take to agree. The slowest way
// to get there is a stock Sentinel that has just asked a replica for INFO, sees
// an old master return ten seconds later, and its replication ten seconds after
// that.
const settleLimit = 60 * time.Second

// Settle returns when all Sentinels are of one mind, or what they disagree about
// in the end. Everything is compared that must not depend on who answers:
//
//   - the master's address, config epoch and options, and the numbers of replicas
//     and Sentinels
//   - SENTINEL SENTINELS, field by field: every other one, by its own id and
//     address, once
//   - SENTINEL REPLICAS
//   - CKQUORUM, word for word
//   - what the files say, which is what counts after a restart: address, quorum,
//     epochs, members
func (s *Set) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if err := s.WaitViews(ctx); err != nil {
		return err
	}
	return cluster.WaitFor(ctx, "all Sentinels to say the same", func(ctx context.Context) (string, bool) {
		wrong, err := s.disagreements(ctx)
		if err != nil {
			return err.Error(), false
		}
		return strings.Join(wrong, "; "), len(wrong) == 0
	})
}

// disagreements asks every Sentinel for everything once.
func (s *Set) disagreements(ctx context.Context) ([]string, error) {
	views := make([]view, len(s.Sentinels))
	for i, n := range s.Sentinels {
		var err error
		if views[i], err = look(ctx, n, s.Master); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name(), err)
		}
		views[i].kind = s.Kinds[i]
		views[i].addr = n.Addr()
		if s.Announced != nil {
			views[i].addr = s.Announced[i]
		}
	}
	return compare(views, s.Want), nil
}

// view is what one Sentinel says.
type view struct {
	node, id string
	addr     string // by which the others know it
	kind     Kind
	master   map[string]string
	replicas []map[string]string
	peers    []map[string]string
	ckquorum string
	saved    []string // lines of its file
}

// look asks one Sentinel for everything.
func look(ctx context.Context, n *cluster.Sentinel, master string) (v view, err error) {
	v.node = n.Name()
	if v.id, err = n.MyID(ctx); err != nil {
		return v, err
	}
	if v.master, err = n.Master(ctx, master); err != nil {
		return v, err
	}
	if v.replicas, err = n.Replicas(ctx, master); err != nil {
		return v, err
	}
	if v.peers, err = n.Sentinels(ctx, master); err != nil {
		return v, err
	}
	reply, err := n.Do(ctx, "SENTINEL", "CKQUORUM", master)
	if v.ckquorum = fmt.Sprint(reply); err != nil {
		v.ckquorum = err.Error() // a verdict as well
	}
	text, err := os.ReadFile(n.Conf())
	v.saved = strings.Split(string(text), "\n")
	return v, err
}

// compare returns everything in which views contradict each other or what is
// wanted.
func compare(views []view, want cluster.Monitored) (wrong []string) {
	first := views[0]
	for _, v := range views {
		say := func(format string, args ...any) {
			wrong = append(wrong, v.node+": "+fmt.Sprintf(format, args...))
		}
		wantFields(say, "master", v.master, map[string]string{
			"ip": first.master["ip"], "port": first.master["port"], "flags": "master",
			"config-epoch":            first.master["config-epoch"],
			"quorum":                  strconv.Itoa(want.Quorum),
			"down-after-milliseconds": strconv.FormatInt(want.DownAfter.Milliseconds(), 10),
			"failover-timeout":        strconv.FormatInt(want.FailoverTimeout.Milliseconds(), 10),
			"parallel-syncs":          strconv.Itoa(want.ParallelSyncs),
			"num-slaves":              strconv.Itoa(len(first.replicas)),
			"num-other-sentinels":     strconv.Itoa(len(views) - 1),
		})
		if text := fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", len(views)); v.ckquorum != text {
			say("CKQUORUM says %q, want %q", v.ckquorum, text)
		}
		comparePeers(say, v, views, want)
		compareReplicas(say, v, first)
		compareSaved(say, v, views, want)
	}
	return wrong
}

// wantFields reports fields that have another value.
func wantFields(say func(string, ...any), what string, got, want map[string]string) {
	keys := make([]string, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if g, there := got[k]; !there || g != want[k] {
			say("%s has %s %q, want %q", what, k, g, want[k])
		}
	}
}

// peerFields are the fields that a stock Sentinel shows of a peer that is well.
// Those without a value differ from one to the next and must be numbers.
func peerFields(p view, want cluster.Monitored) map[string]string {
	ip, port, _ := net.SplitHostPort(p.addr)
	return map[string]string{
		"name": p.id, "runid": p.id, "ip": ip, "port": port, "flags": "sentinel", "link-refcount": "1",
		"down-after-milliseconds": strconv.FormatInt(want.DownAfter.Milliseconds(), 10),
	}
}

var peerNumbers = []string{"link-pending-commands", "last-ping-sent", "last-ok-ping-reply", "last-ping-reply", "last-hello-message", "voted-leader-epoch"}

// comparePeers demands that v lists every other Sentinel exactly once, right.
func comparePeers(say func(string, ...any), v view, views []view, want cluster.Monitored) {
	if len(v.peers) != len(views)-1 {
		say("SENTINELS lists %d, want %d", len(v.peers), len(views)-1)
	}
	for _, p := range views {
		if p.node == v.node {
			continue
		}
		i := slices.IndexFunc(v.peers, func(row map[string]string) bool { return row["runid"] == p.id })
		if i < 0 {
			say("SENTINELS does not list %s (%s)", p.node, p.id)
			continue
		}
		row := v.peers[i]
		wantFields(say, "SENTINELS: "+p.node, row, peerFields(p, want))
		for _, k := range peerNumbers {
			if n, err := strconv.ParseInt(row[k], 10, 64); err != nil || n < 0 {
				say("SENTINELS: %s has %s %q, want a number", p.node, k, row[k])
			}
		}
		known := func(q view) bool { return q.id == row["voted-leader"] }
		if row["voted-leader"] != "?" && !slices.ContainsFunc(views, known) {
			say("SENTINELS: %s voted for %q, whom nobody knows", p.node, row["voted-leader"])
		}
	}
}

// replicaFields are the fields of a replica that must be alike everywhere.
var replicaFields = []string{
	"name", "ip", "port", "runid", "flags", "role-reported", "master-link-status", "master-host", "master-port",
	"slave-priority", "replica-announced", "down-after-milliseconds",
}

// compareReplicas demands that v lists the replicas that first lists.
func compareReplicas(say func(string, ...any), v, first view) {
	if len(v.replicas) != len(first.replicas) {
		say("REPLICAS lists %d, %s lists %d", len(v.replicas), first.node, len(first.replicas))
	}
	for _, r := range first.replicas {
		i := slices.IndexFunc(v.replicas, func(row map[string]string) bool { return row["name"] == r["name"] })
		if i < 0 {
			say("REPLICAS does not list %s, which %s lists", r["name"], first.node)
			continue
		}
		same := map[string]string{}
		for _, k := range replicaFields {
			same[k] = r[k]
		}
		wantFields(say, "REPLICAS: "+r["name"], v.replicas[i], same)
	}
}

// compareSaved demands that the file of v holds what the Sentinels say, once.
func compareSaved(say func(string, ...any), v view, views []view, want cluster.Monitored) {
	m := want.Name
	lines := []string{
		"sentinel myid " + v.id,
		fmt.Sprintf("sentinel monitor %s %s %s %d", m, v.master["ip"], v.master["port"], want.Quorum),
		fmt.Sprintf("sentinel config-epoch %s %s", m, v.master["config-epoch"]),
		"sentinel current-epoch " + saved(views[0], "sentinel current-epoch "),
	}
	for _, r := range v.replicas {
		lines = append(lines, fmt.Sprintf("sentinel known-replica %s %s %s", m, r["ip"], r["port"]))
	}
	for _, p := range views {
		if p.node != v.node {
			ip, port, _ := net.SplitHostPort(p.addr)
			lines = append(lines, fmt.Sprintf("sentinel known-sentinel %s %s %s %s", m, ip, port, p.id))
		}
	}
	for _, line := range lines {
		if n := count(v.saved, line); n != 1 {
			say("the file has %d lines %q, want 1", n, line)
		}
	}
	for prefix, n := range map[string]int{"sentinel known-replica ": len(v.replicas), "sentinel known-sentinel ": len(views) - 1} {
		got := 0
		for _, line := range v.saved {
			if strings.HasPrefix(line, prefix) {
				got++
			}
		}
		if got != n {
			say("the file has %d lines %q, want %d", got, prefix, n)
		}
	}
}

// saved returns the rest of the line of a file that begins with prefix.
func saved(v view, prefix string) string {
	for _, line := range v.saved {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return rest
		}
	}
	return "(none)"
}

func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if strings.TrimSpace(l) == line {
			n++
		}
	}
	return n
}
