package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// tlsLines are the directives that servers, gosentinel and redis-sentinel share.
func tlsLines(port int, f testcert.Files) []string {
	return []string{
		"tls-port " + strconv.Itoa(port), "tls-replication yes",
		"tls-cert-file " + f.Cert, "tls-key-file " + f.Key, "tls-ca-cert-file " + f.CA,
	}
}

// tlsPing sends PING over TLS and returns the serial number of the server's
// certificate.
func tlsPing(port int, cfg *tls.Config) (serial string, err error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: cfg}
	nc, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(nc).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("answer %q", line)
	}
	return nc.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), err
}

// TestTLSOnly serves only TLS, requires client certificates, and changes its own
// certificate while running.
func TestTLSOnly(t *testing.T) {
	t.Parallel()
	ca := testcert.NewAuthority(t, "ca")
	p := newProcess(t)
	files := ca.Write(t, p.dir, "server")
	port := freePort(t)
	writeFile(t, p.dir, "s.conf", "port 0\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 1 2\n"+strings.Join(tlsLines(port, files), "\n")+"\n")
	p.start()
	cert, err := tls.X509KeyPair(ca.Issue(t, "client"))
	if err != nil {
		t.Fatal(err)
	}
	friend := &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example", Certificates: []tls.Certificate{cert}}
	serial := ""
	await(t, "an answer over TLS", func() bool { serial, err = tlsPing(port, friend); return err == nil })
	p.logged("", fmt.Sprintf("Running mode=sentinel, port=%d.", port))
	if ping(p.port) || ping(port) {
		t.Error("it answers without TLS")
	}
	if _, err := tlsPing(port, &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"}); err == nil {
		t.Error("it answers a client without certificate")
	}

	if err := os.WriteFile(files.Cert, []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.logged("", "The TLS certificates in use are kept, because the new ones cannot be used: Failed to load certificate")
	if now, err := tlsPing(port, friend); err != nil || now != serial {
		t.Errorf("with a broken file on disk: certificate %s instead of %s, %v", now, serial, err)
	}
	ca.Write(t, p.dir, "server")
	p.signal(syscall.SIGHUP)
	p.logged("", "TLS certificates loaded")
	renewed, err := tlsPing(port, friend)
	if err != nil || renewed == serial {
		t.Errorf("after SIGHUP still certificate %s, %v", renewed, err)
	}
	ca.Write(t, p.dir, "server") // this time without a signal
	await(t, "the new certificate to be noticed", func() bool {
		now, err := tlsPing(port, friend)
		return err == nil && now != renewed
	})
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 || p.stderr.String() != "" {
		t.Errorf("status %d, stderr %s", status, p.stderr.String())
	}
}

// tlsCluster is a set-up in which every connection uses TLS with certificates on
// both sides. The plain ports are for the tests' own clients.
type tlsCluster struct {
	*testing.T
	ctx       context.Context
	c         *cluster.Cluster
	ca        *testcert.Authority
	servers   []*cluster.Server
	sentinels []*cluster.Sentinel
	tlsPorts  map[string]int // of the nodes by name
}

func newTLSCluster(t *testing.T) *tlsCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := cluster.New(cluster.Config{Sentinel: []string{clustertest.Daemon(t)}, Ports: testPorts})
	if err != nil {
		t.Fatal(err) // mentions "make deps" if redis-server is missing
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs(40))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tlsCluster{T: t, ctx: ctx, c: c, ca: testcert.NewAuthority(t, "ca"), tlsPorts: map[string]int{}}
}

func (e *tlsCluster) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// node reserves ports and issues a certificate. The certificate has no address:
// like redis-sentinel, gosentinel checks its issuer and not its names.
func (e *tlsCluster) node(name string) (plain int, lines []string) {
	e.Helper()
	plain, err := e.c.Port()
	e.must(err)
	secure, err := e.c.Port()
	e.must(err)
	e.tlsPorts[name] = secure
	dir := filepath.Join(e.c.Dir(), "certificates")
	e.must(os.MkdirAll(dir, 0o755))
	return plain, tlsLines(secure, e.ca.Write(e.T, dir, name))
}

func (e *tlsCluster) addServer(name string) {
	e.Helper()
	port, lines := e.node(name)
	if len(e.servers) > 0 {
		lines = append(lines, fmt.Sprintf("replicaof 127.0.0.1 %d", e.tlsPorts[e.servers[0].Name()]))
	}
	s, err := e.c.StartServer(cluster.NodeSpec{Name: name, Port: port, Conf: cluster.ServerConf(port, lines...)})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	e.servers = append(e.servers, s)
}

func (e *tlsCluster) addSentinel(name string, quorum int, command ...string) {
	e.Helper()
	port, lines := e.node(name)
	conf := cluster.SentinelConf(port, cluster.Monitored{
		Name: "m", Port: e.tlsPorts["server0"], Quorum: quorum, DownAfter: 2500 * time.Millisecond, FailoverTimeout: 10 * time.Second,
	}, lines...)
	s, err := e.c.StartSentinel(cluster.NodeSpec{Name: name, Port: port, Conf: conf, Command: command})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	e.sentinels = append(e.sentinels, s)
}

// failover kills the master and waits until all Sentinels report another one.
func (e *tlsCluster) failover() {
	e.Helper()
	e.must(cluster.WaitFor(e.ctx, "replicas online", func(ctx context.Context) (string, bool) {
		r, err := e.servers[0].Replication(ctx)
		return fmt.Sprint(r, err), err == nil && r.Replicas == len(e.servers)-1
	}))
	for _, s := range e.sentinels {
		e.must(s.WaitView(e.ctx, "m", len(e.servers)-1, len(e.sentinels)-1))
		e.announcesTLS(s)
	}
	e.servers[0].Kill()
	for _, s := range e.sentinels {
		e.must(cluster.WaitFor(e.ctx, s.Name()+" to name a new master", func(ctx context.Context) (string, bool) {
			port, err := s.MasterPort(ctx, "m")
			return fmt.Sprint(port, err), err == nil && port != e.tlsPorts["server0"]
		}))
	}
	port, err := e.sentinels[0].MasterPort(e.ctx, "m")
	e.must(err)
	i := slices.IndexFunc(e.servers, func(s *cluster.Server) bool { return e.tlsPorts[s.Name()] == port })
	if i < 1 {
		e.Fatalf("the new master is at port %d, which is no TLS port of a replica: %v", port, e.tlsPorts)
	}
	e.must(e.servers[i].WaitRole(e.ctx, "master"))
}

// announcesTLS checks that the ports that Sentinels know of each other are TLS
// ports.
func (e *tlsCluster) announcesTLS(s *cluster.Sentinel) {
	e.Helper()
	peers, err := s.Sentinels(e.ctx, "m")
	e.must(err)
	for _, peer := range peers {
		found := false
		for _, other := range e.sentinels {
			found = found || peer["port"] == strconv.Itoa(e.tlsPorts[other.Name()])
		}
		if !found {
			e.Errorf("%s knows a peer at port %s, which is no TLS port of a Sentinel", s.Name(), peer["port"])
		}
	}
}

func TestFailoverOverTLS(t *testing.T) {
	t.Parallel()
	e := newTLSCluster(t)
	for i := range 3 {
		e.addServer(fmt.Sprint("server", i))
	}
	for i := range 3 {
		e.addSentinel(fmt.Sprint("sentinel", i), 2)
	}
	e.failover()

	// The old master is restarted and made a replica, over TLS too.
	e.must(e.servers[0].Restart(e.ctx))
	e.must(e.servers[0].WaitRole(e.ctx, "slave"))
}

// TestStockPeerOverTLS: with a quorum of three, redis-sentinel must hear, ask and
// answer over TLS as well as our two do.
func TestStockPeerOverTLS(t *testing.T) {
	t.Parallel()
	stock, err := exec.LookPath("redis-sentinel")
	if err != nil {
		t.Fatal("redis-sentinel is not installed; run `make deps`")
	}
	e := newTLSCluster(t)
	for i := range 2 {
		e.addServer(fmt.Sprint("server", i))
	}
	e.addSentinel("ours0", 3)
	e.addSentinel("stock", 3, stock)
	e.addSentinel("ours1", 3)
	e.failover()
}

// TestUntrustedServer: a server with a certificate from another authority is not
// trusted, and the log says why.
func TestUntrustedServer(t *testing.T) {
	t.Parallel()
	e := newTLSCluster(t)
	trusted := e.ca
	e.ca = testcert.NewAuthority(t, "ca") // of the same name
	e.addServer("server0")
	e.ca = trusted
	e.addSentinel("sentinel", 1)
	s := e.sentinels[0]
	e.must(cluster.WaitFor(e.ctx, "the server to count as down", func(ctx context.Context) (string, bool) {
		m, err := s.Master(ctx, "m")
		return fmt.Sprint(m["flags"], err), strings.Contains(m["flags"], "o_down") && strings.Contains(m["flags"], "disconnected")
	}))
	log, err := s.Log()
	said := 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, "# Link to master m ") && strings.Contains(line, "certificate CN=server0: x509:") && strings.Contains(line, "tls-ca-cert-file or tls-ca-cert-dir must hold") {
			said++
		}
	}
	if err != nil || said != 1 || strings.Count(log, "CN=server0") != 1 {
		t.Errorf("%v, log:\n%s", err, log)
	}
}
