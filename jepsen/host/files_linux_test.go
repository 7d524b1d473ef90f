package host

import (
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// TestFewFiles: a Sentinel that is told at run time to monitor more than its limit of
// open files has room for says so, and can still save, log and take clients.
func TestFewFiles(t *testing.T) {
	e := newEnv(t, cluster.Config{})
	port, err := e.c.Port()
	e.must(err)
	silent, err := net.Listen("tcp", "0.0.0.0:0") // takes connections, and that is all
	e.must(err)
	defer silent.Close()
	at := silent.Addr().(*net.TCPAddr).Port
	s, err := e.c.StartSentinel(cluster.NodeSpec{
		Name: "sentinel0", Port: port,
		Conf:    cluster.SentinelConf(port, cluster.Monitored{Name: "first", Port: at, Quorum: 2}, "maxclients 32"),
		Command: []string{"sh", "-c", `ulimit -n 100 && exec "$@"`, "sh", clustertest.Daemon(t)},
	})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	const masters = 30 // there is room for 18
	for k := range masters {
		name := "m" + strconv.Itoa(k)
		if reply, err := s.Do(e.ctx, "SENTINEL", "MONITOR", name, fmt.Sprintf("127.0.1.%d", k+1), strconv.Itoa(at), "2"); err != nil {
			t.Fatalf("MONITOR %s: %v, %v", name, reply, err)
		}
	}
	e.logHas(s, "some masters and replicas cannot be connected to. Increase it to at least ")
	e.logHas(s, "127.0.1.30")
	if v, err := s.Do(e.ctx, "SENTINEL", "FLUSHCONFIG"); err != nil {
		t.Errorf("a save: %v, %v", v, err)
	}
	nc, err := net.Dial("tcp", s.Addr())
	e.must(err)
	defer nc.Close()
	_, err = nc.Write([]byte("PING\r\n"))
	e.must(err)
	reply := make([]byte, 7)
	if _, err := nc.Read(reply); err != nil || string(reply) != "+PONG\r\n" {
		t.Errorf("a client was told %q, %v", reply, err)
	}
}
