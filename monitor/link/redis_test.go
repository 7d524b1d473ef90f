package link

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// redisServer starts a real redis-server on a free port with further options, in
// which PORT stands for that port, and returns a Dial to it.
func redisServer(t *testing.T, options ...string) monitor.Dial {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("these tests need redis-server 5 or newer: install package redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := dialCommand
	d.Addr = hostPort(t, l.Addr().String())
	l.Close()
	args := append([]string{"--port", "PORT", "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, options...)
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "PORT", strconv.Itoa(d.Addr.Port))
	}
	cmd := exec.Command(path, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("redis-server said:\n%s", out.String())
		}
	})
	waitForPort(t, d.Addr)
	return d
}

// waitForPort returns when addr accepts connections.
func waitForPort(t *testing.T, addr monitor.HostPort) {
	t.Helper()
	deadline := time.After(patience)
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		nc, err := net.Dial("tcp", addr.String())
		if err == nil {
			nc.Close()
			return
		}
		select {
		case <-retry.C:
		case <-deadline:
			t.Fatalf("%s does not come up: %v", addr, err)
		}
	}
}

// connect dials and waits for the connection.
func connect(t *testing.T, r *rig, d monitor.Dial) {
	t.Helper()
	r.run(d)
	if up := await[monitor.LinkUp](r); up.LocalIP != "127.0.0.1" {
		t.Errorf("up with %+v", up)
	}
}

// raw sends a command of the test itself and returns its reply in text.
func raw(t *testing.T, addr monitor.HostPort, words ...string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprint(nc, resp(words...))
	buf := make([]byte, 64<<10)
	n, err := nc.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// addUser gives the server an account with these rights and d its name.
func addUser(t *testing.T, d *monitor.Dial, rules string) {
	t.Helper()
	d.User, d.Pass = "sentinel", "pw"
	words := append([]string{"ACL", "SETUSER", d.User, "on", ">" + d.Pass}, strings.Fields(rules)...)
	if reply := raw(t, d.Addr, words...); reply != "+OK\r\n" {
		t.Fatalf("ACL SETUSER: %s", reply)
	}
}

func askInfo(r *rig) *monitor.Info {
	r.run(send(2, monitor.InfoRequest{}))
	return await[monitor.InfoReply](r).Info
}

func TestRedisPingInfoPublish(t *testing.T) {
	d := redisServer(t)
	r := newRig(t, Config{})
	r.run(d, send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}), send(3, monitor.PublishHello{}), send(4, monitor.ScriptKill{}))
	if pong := await[monitor.Pong](r); pong.Reply != monitor.PingPong {
		t.Errorf("got %+v", pong)
	}
	info := await[monitor.InfoReply](r)
	if info.Token != token(2) || info.Info == nil || info.Info.Role != monitor.RoleMaster || !info.Info.RunID.Valid() {
		t.Errorf("got %+v", info)
	}
	if reply := await[monitor.PublishReply](r); reply.Token != token(3) || !reply.OK {
		t.Errorf("got %+v", reply)
	}
	if done := await[monitor.CommandDone](r); done.Token != token(4) {
		t.Errorf("got %+v", done)
	}
	if list := raw(t, d.Addr, "CLIENT", "LIST"); !strings.Contains(list, "name=sentinel-abcdef01-cmd ") {
		t.Errorf("CLIENT LIST does not show the name: %s", list)
	}
	checkLog(t, r)
}

func TestRedisHello(t *testing.T) {
	d := redisServer(t)
	r := newRig(t, Config{})
	connect(t, r, d)
	sub := d
	sub.Conn, sub.Kind, sub.ClientName = 2, monitor.ConnPubSub, "sentinel-abcdef01-pubsub"
	r.run(sub)
	await[monitor.PubSubActivity](r)
	hello := monitor.Hello{IP: "10.1.1.1", Port: 26379, RunID: runID, CurrentEpoch: 5, MasterName: "m", MasterIP: "10.0.0.1", MasterPort: 6379, ConfigEpoch: 4}
	r.run(send(1, monitor.PublishHello{Hello: hello}))
	if got := await[monitor.HelloReceived](r); got.Conn != 2 || got.Hello != hello {
		t.Errorf("got %+v", got)
	}
	raw(t, d.Addr, "PUBLISH", "__sentinel__:hello", "not a hello")
	if got := await[monitor.PubSubActivity](r); got.Conn != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestRedisRoleChange makes a server a replica and a master again, over one
// connection that the CLIENT KILL of the transaction spares, while the Pub/Sub
// connection of the same Sentinel is lost.
func TestRedisRoleChange(t *testing.T) {
	master, d := redisServer(t), redisServer(t)
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain %v", plain), func(t *testing.T) {
			r := newRig(t, Config{})
			connect(t, r, d)
			sub := d
			sub.Conn, sub.Kind = 2, monitor.ConnPubSub
			r.run(sub)
			await[monitor.PubSubActivity](r)

			r.run(send(1, monitor.SlaveOf{Host: master.Addr.Host, Port: master.Addr.Port, Plain: plain}))
			// The two connections have two goroutines: either may be heard first.
			var changed, lost bool
			for !changed || !lost {
				switch in := await[monitor.Input](r).(type) {
				case monitor.SlaveOfReply:
					changed = in == monitor.SlaveOfReply{Conn: 1, Token: token(1)}
					if !changed {
						t.Fatalf("got %+v", in)
					}
				case monitor.LinkDown:
					if in.Conn != 2 || in.Reason != "closed by the other side" {
						t.Fatalf("got %+v", in)
					}
					lost = true
				}
			}
			if info := askInfo(r); info.Role != monitor.RoleReplica || info.MasterPort != master.Addr.Port {
				t.Errorf("INFO says %+v", info)
			}
			r.run(send(3, monitor.SlaveOf{Plain: plain}), send(2, monitor.InfoRequest{}))
			if reply := await[monitor.SlaveOfReply](r); reply != (monitor.SlaveOfReply{Conn: 1, Token: token(3)}) {
				t.Errorf("promotion: %+v", reply)
			}
			if info := await[monitor.InfoReply](r).Info; info.Role != monitor.RoleMaster {
				t.Errorf("INFO says %+v", info)
			}
		})
	}
}

func TestRedisRoleChangeRefused(t *testing.T) {
	d := redisServer(t, "--cluster-enabled", "yes")
	r := newRig(t, Config{})
	connect(t, r, d)
	for _, plain := range []bool{false, true} {
		r.run(send(1, monitor.SlaveOf{Host: "127.0.0.1", Port: 1, Plain: plain}))
		if reply := await[monitor.SlaveOfReply](r); reply.Aborted || !strings.Contains(reply.Refused, "not allowed in cluster mode") {
			t.Errorf("plain %v: %+v", plain, reply)
		}
	}
}

// TestRedisTransactionAborted uses an account that may not do all that the
// transaction does: all of it is refused, and the plain form still works.
func TestRedisTransactionAborted(t *testing.T) {
	d := redisServer(t)
	addUser(t, &d, "+@all -config")
	r := newRig(t, Config{})
	connect(t, r, d)
	r.run(send(1, monitor.SlaveOf{Host: "127.0.0.1", Port: 1}))
	if reply := await[monitor.SlaveOfReply](r); !reply.Aborted || !strings.HasPrefix(reply.Refused, "NOPERM") {
		t.Errorf("transaction: %+v", reply)
	}
	if info := askInfo(r); info.Role != monitor.RoleMaster {
		t.Errorf("an aborted transaction changed the role: %+v", info)
	}
	r.run(send(3, monitor.SlaveOf{Host: "127.0.0.1", Port: 1, Plain: true}))
	if reply := await[monitor.SlaveOfReply](r); reply != (monitor.SlaveOfReply{Conn: 1, Token: token(3)}) {
		t.Errorf("plain: %+v", reply)
	}
	if info := askInfo(r); info.Role != monitor.RoleReplica {
		t.Errorf("INFO says %+v", info)
	}
}

func TestRedisRenamedCommands(t *testing.T) {
	d := redisServer(t, "--rename-command", "SLAVEOF", "so", "--rename-command", "MULTI", "mu", "--rename-command", "CONFIG", "co", "--rename-command", "PING", "pi")
	r := newRig(t, Config{})
	connect(t, r, d)
	rename := monitor.NewRenameTable(monitor.Renamed{From: "SLAVEOF", To: "so"}, monitor.Renamed{From: "MULTI", To: "mu"},
		monitor.Renamed{From: "CONFIG", To: "co"}, monitor.Renamed{From: "PING", To: "pi"})
	renamed := func(seq uint64, cmd monitor.Command) monitor.Send {
		s := send(seq, cmd)
		s.Rename = rename
		return s
	}
	r.run(renamed(1, monitor.Ping{}), renamed(2, monitor.SlaveOf{Host: "127.0.0.1", Port: 1}))
	if pong := await[monitor.Pong](r); pong.Reply != monitor.PingPong {
		t.Errorf("got %+v", pong)
	}
	if reply := await[monitor.SlaveOfReply](r); reply != (monitor.SlaveOfReply{Conn: 1, Token: token(2)}) {
		t.Errorf("got %+v", reply)
	}
	if info := askInfo(r); info.Role != monitor.RoleReplica {
		t.Errorf("INFO says %+v", info)
	}
	r.run(send(3, monitor.Ping{}), send(4, monitor.SlaveOf{})) // without the table
	if pong := await[monitor.Pong](r); pong.Reply != monitor.PingOther {
		t.Errorf("got %+v", pong)
	}
	if reply := await[monitor.SlaveOfReply](r); reply.Aborted || !strings.Contains(reply.Refused, "unknown command 'SLAVEOF'") {
		t.Errorf("got %+v", reply)
	}
	checkLog(t, r, "PING was refused: ERR unknown command 'PING' (if the command has another name there, set rename-command)")
}

func TestRedisPasswords(t *testing.T) {
	d := redisServer(t)
	addUser(t, &d, serverRules)
	raw(t, d.Addr, "CONFIG", "SET", "requirepass", "hunter2")
	for name, c := range map[string]struct {
		user, pass string
		want       monitor.PingReply
		log        []string
	}{
		"password":          {"", "hunter2", monitor.PingPong, nil},
		"user and password": {"sentinel", "pw", monitor.PingPong, nil},
		"wrong password":    {"", "secret", monitor.PingOther, []string{"AUTH was refused: WRONGPASS"}},
		"wrong user":        {"nobody", "pw", monitor.PingOther, []string{"AUTH was refused: WRONGPASS"}},
		"none":              {"", "", monitor.PingOther, []string{"CLIENT SETNAME was refused: NOAUTH Authentication required. (it asks for a password: set auth-pass"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := d
			d.User, d.Pass = c.user, c.pass
			r := newRig(t, Config{})
			r.run(d, send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}))
			if pong := await[monitor.Pong](r); pong.Reply != c.want {
				t.Errorf("got %+v, want %v", pong, c.want)
			}
			if info := await[monitor.InfoReply](r); (info.Info != nil) != (c.want == monitor.PingPong) {
				t.Errorf("got %+v", info)
			}
			checkLog(t, r, c.log...)
		})
	}
}

// TestRedisMinimalAccount does everything with the least rights that the
// advice names.
func TestRedisMinimalAccount(t *testing.T) {
	d := redisServer(t)
	addUser(t, &d, serverRules)
	r := newRig(t, Config{})
	connect(t, r, d)
	sub := d
	sub.Conn, sub.Kind = 2, monitor.ConnPubSub
	r.run(sub)
	await[monitor.PubSubActivity](r)
	r.run(send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}), send(3, monitor.PublishHello{}), send(4, monitor.ScriptKill{}), send(5, monitor.SlaveOf{}))
	if pong := await[monitor.Pong](r); pong.Reply != monitor.PingPong {
		t.Errorf("got %+v", pong)
	}
	if reply := await[monitor.SlaveOfReply](r); reply != (monitor.SlaveOfReply{Conn: 1, Token: token(5)}) {
		t.Errorf("got %+v", reply)
	}
	checkLog(t, r)
}

func TestRedisFull(t *testing.T) {
	d := redisServer(t)
	r := newRig(t, Config{})
	r.run(d, send(1, monitor.Ping{}))
	await[monitor.Pong](r)
	raw(t, d.Addr, "CONFIG", "SET", "maxclients", "1")
	d.Conn = 2
	r.run(d, monitor.Send{Conn: 2, Cmd: monitor.Ping{}})
	if down := await[monitor.LinkDown](r); down.Conn != 2 || !strings.Contains(down.Reason, "max number of clients") {
		t.Errorf("lost with %+v", down)
	}
	checkLog(t, r, "CLIENT SETNAME was refused: ERR max number of clients reached (raise maxclients there)")
}
