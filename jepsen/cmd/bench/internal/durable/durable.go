package durable

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

const ownID, peerID = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// Config is a sentinel.conf with masters at addresses where nobody answers, so that
// nothing but what is asked for changes the state.
func Config(port, masters int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "port %d\nprotected-mode no\nsentinel myid %s\n", port, ownID)
	for k := range masters {
		ip, at := address(k)
		fmt.Fprintf(&b, "sentinel monitor m%d %s %d 2\nsentinel down-after-milliseconds m%d 3600000\n", k, ip, at, k)
		fmt.Fprintf(&b, "sentinel config-epoch m%d 0\nsentinel leader-epoch m%d 0\n", k, k)
	}
	b.WriteString("sentinel current-epoch 0\n")
	return b.String()
}

func address(k int) (ip string, port int) { return "127.0.0.1", 1 + k }

// Save returns how long each of some saves takes after one of the masters has changed,
// in a file of that name below dir: a sentinel.toml if it ends so.
func Save(dir, name string, masters, saves int) (took []time.Duration, err error) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("# measured\n"), 0o600); err != nil {
		return nil, err
	}
	file, err := configrewrite.Load(path, nil)
	if err != nil {
		return nil, err
	}
	st := monitor.State{Options: monitor.Options{MyID: ownID}}
	for k := range masters {
		ip, port := address(k)
		addr, _ := monitor.IPAddr(ip, port)
		replica, _ := monitor.IPAddr("10.0.0.1", 1+k)
		st.Masters = append(st.Masters, &monitor.MasterState{
			MasterConfig: monitor.MasterConfig{Name: fmt.Sprintf("m%d", k), Addr: addr, Quorum: 2}, Replicas: []monitor.Addr{replica},
		})
	}
	for k := range saves + 2 { // the first two begin anew
		changed := *st.Masters[k%masters]
		changed.LeaderEpoch = monitor.Epoch(k + 1)
		st.CurrentEpoch = changed.LeaderEpoch
		st.Masters = append([]*monitor.MasterState(nil), st.Masters...)
		st.Masters[k%masters] = &changed
		began := time.Now()
		if err := file.Save(st); err != nil {
			return nil, err
		}
		if k >= 2 {
			took = append(took, time.Since(began))
		}
	}
	return took, nil
}

// Votes asks the Sentinel at addr, which runs with [Config], for votes about so many of
// its masters in one go, and returns the time to the last reply. Each call must have a
// higher epoch than the last one by the number of votes.
func Votes(ctx context.Context, addr string, votes int, epoch uint64) (time.Duration, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return 0, err
		}
	}
	var asked strings.Builder
	for k := range votes {
		ip, port := address(k)
		fmt.Fprintf(&asked, "SENTINEL is-master-down-by-addr %s %d %d %s\r\n", ip, port, epoch+uint64(k), peerID)
	}
	began := time.Now()
	if _, err := conn.Write([]byte(asked.String())); err != nil {
		return 0, err
	}
	replies := bufio.NewScanner(conn)
	for k := range votes {
		var got []string
		for len(got) < 5 && replies.Scan() { // *3, :down, $40, the leader, :epoch
			got = append(got, replies.Text())
		}
		if want := fmt.Sprintf(":%d", epoch+uint64(k)); len(got) < 5 || got[3] != peerID || got[4] != want {
			return 0, fmt.Errorf("durable: request %d was answered with %q, want a vote at epoch %s", k, got, want)
		}
	}
	return time.Since(began), nil
}
