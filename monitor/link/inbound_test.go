package link

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

const runID = "54c55ece1d6b8b1d02b9d09f15fe39355c3afdcf"

// exchange sends one command and checks what its replies become.
func exchange(t *testing.T, cmd monitor.Command, replies []string, want monitor.Input) {
	t.Helper()
	virtual(t, Config{}, answering(append([]string{"+OK\r\n"}, replies...)...), func(r *rig) {
		r.run(dialCommand, send(7, cmd))
		synctest.Wait()
		r.want(linkUp, want)
	})
}

func TestPingReplies(t *testing.T) {
	for reply, want := range map[string]monitor.PingReply{
		"+PONG\r\n":                     monitor.PingPong,
		"+PONG and more\r\n":            monitor.PingPong,
		"-LOADING Redis is loading\r\n": monitor.PingLoading,
		"-MASTERDOWN Link is down\r\n":  monitor.PingMasterDown,
		"-BUSY running a script\r\n":    monitor.PingBusy,
		"-NOAUTH required\r\n":          monitor.PingOther,
		"+QUEUED\r\n":                   monitor.PingOther,
		"+pong\r\n":                     monitor.PingOther,
		":1\r\n":                        monitor.PingOther,
		"$4\r\nPONG\r\n":                monitor.PingOther,
		"*1\r\n+PONG\r\n":               monitor.PingOther,
		"$-1\r\n":                       monitor.PingOther,
	} {
		t.Run(strings.TrimSpace(reply), func(t *testing.T) {
			exchange(t, monitor.Ping{}, []string{reply}, monitor.Pong{Conn: 1, Reply: want})
		})
	}
}

func TestPongsThatChange(t *testing.T) {
	virtual(t, Config{}, answering("+OK\r\n", "+PONG\r\n", "+PONG\r\n", "-LOADING\r\n", "+PONG\r\n"), func(r *rig) {
		r.run(dialCommand, send(1, monitor.Ping{}), send(2, monitor.Ping{}), send(3, monitor.Ping{}), send(4, monitor.Ping{}))
		synctest.Wait()
		pong, loading := monitor.Pong{Conn: 1, Reply: monitor.PingPong}, monitor.Pong{Conn: 1, Reply: monitor.PingLoading}
		r.want(linkUp, pong, pong, loading, pong)
	})
}

func TestInfoReplies(t *testing.T) {
	large := "role:master\r\n" + strings.Repeat("#", 1<<20-13)
	for reply, want := range map[string]*monitor.Info{
		"$13\r\nrole:master\r\n\r\n":    {Role: monitor.RoleMaster, Text: monitor.PackInfo([]byte("role:master\r\n"))},
		"$8\r\n\x00\xff\r\n:::\n\r\n":   {Text: monitor.PackInfo([]byte("\x00\xff\r\n:::\n"))},
		"$0\r\n\r\n":                    {Text: monitor.PackInfo(nil)},
		"$-1\r\n":                       nil,
		"-NOPERM\r\n":                   nil,
		"+role:master\r\n":              nil,
		"*1\r\n+role:master\r\n":        nil,
		"$1048576\r\n" + large + "\r\n": {Role: monitor.RoleMaster, Text: monitor.PackInfo([]byte(large))},
	} {
		t.Run(shown([]byte(reply)), func(t *testing.T) {
			exchange(t, monitor.InfoRequest{}, []string{reply}, monitor.InfoReply{Conn: 1, Token: token(7), Info: want})
		})
	}
}

func TestPublishAndScriptReplies(t *testing.T) {
	for reply, ok := range map[string]bool{":0\r\n": true, ":1\r\n": true, "-NOPERM\r\n": false} {
		exchange(t, monitor.PublishHello{}, []string{reply}, monitor.PublishReply{Conn: 1, Token: token(7), OK: ok})
	}
	for reply, refused := range map[string]string{"+OK\r\n": "", ":3\r\n": "", "-NOTBUSY No scripts\r\n": "NOTBUSY No scripts"} {
		for _, cmd := range []monitor.Command{monitor.ScriptKill{}, monitor.PauseWrites{}, monitor.KillClients{}} {
			exchange(t, cmd, []string{reply}, monitor.CommandDone{Conn: 1, Token: token(7), Refused: refused})
		}
		exchange(t, monitor.SlaveOf{Bare: true}, []string{reply}, monitor.SlaveOfReply{Conn: 1, Token: token(7), Refused: refused})
	}
	exchange(t, monitor.SlaveOf{Bare: true}, []string{"+OK Already connected to specified master\r\n"},
		monitor.SlaveOfReply{Conn: 1, Token: token(7), Already: true})
}

func TestAskReplies(t *testing.T) {
	yes := monitor.AskReply{Conn: 1, Token: token(7), OK: true, Down: true}
	with := func(change func(*monitor.AskReply)) monitor.AskReply { r := yes; change(&r); return r }
	no := monitor.AskReply{Conn: 1, Token: token(7)}
	id := "$40\r\n" + runID + "\r\n"
	for name, c := range map[string]struct {
		reply string
		want  monitor.AskReply
	}{
		"down":           {"*3\r\n:1\r\n$1\r\n*\r\n:0\r\n", yes},
		"up":             {"*3\r\n:0\r\n$1\r\n*\r\n:0\r\n", with(func(r *monitor.AskReply) { r.Down = false })},
		"vote":           {"*3\r\n:1\r\n" + id + ":12\r\n", with(func(r *monitor.AskReply) { r.Leader, r.Epoch = runID, 12 })},
		"vote, status":   {"*3\r\n:1\r\n+" + runID + "\r\n:12\r\n", with(func(r *monitor.AskReply) { r.Leader, r.Epoch = runID, 12 })},
		"odd truth":      {"*3\r\n:2\r\n$1\r\n*\r\n:0\r\n", with(func(r *monitor.AskReply) { r.Down = false })},
		"negative epoch": {"*3\r\n:1\r\n$1\r\n*\r\n:-1\r\n", no},
		"short id":       {"*3\r\n:1\r\n$3\r\nabc\r\n:1\r\n", no},
		"empty id":       {"*3\r\n:1\r\n$0\r\n\r\n:1\r\n", no},
		"unprintable id": {"*3\r\n:1\r\n$40\r\n\n" + runID[1:] + "\r\n:1\r\n", no},
		"null id":        {"*3\r\n:1\r\n$-1\r\n:1\r\n", no},
		"number as id":   {"*3\r\n:1\r\n:1\r\n:1\r\n", no},
		"two elements":   {"*2\r\n:1\r\n$1\r\n*\r\n", no},
		"down-after":     {"*4\r\n:1\r\n$1\r\n*\r\n:0\r\n:1500\r\n", with(func(r *monitor.AskReply) { r.DownAfter = 1500 * time.Millisecond })},
		"no down-after":  {"*4\r\n:1\r\n$1\r\n*\r\n:0\r\n:0\r\n", yes},
		"odd down-after": {"*4\r\n:1\r\n$1\r\n*\r\n:0\r\n:9223372036854775807\r\n", yes},
		"five elements":  {"*5\r\n:1\r\n$1\r\n*\r\n:0\r\n:0\r\n:0\r\n", no},
		"replicas": {"*7\r\n:1\r\n$1\r\n*\r\n:0\r\n$8\r\n10.0.0.2\r\n:6379\r\n$2\r\nr3\r\n:6380\r\n", with(func(r *monitor.AskReply) {
			r.Replicas = []monitor.HostPort{{Host: "10.0.0.2", Port: 6379}, {Host: "r3", Port: 6380}}
		})},
		"too many replicas": {"*133\r\n:1\r\n$1\r\n*\r\n:0\r\n" + strings.Repeat("$1\r\nr\r\n:1\r\n", 65), with(func(r *monitor.AskReply) {
			for range monitor.MaxToldReplicas {
				r.Replicas = append(r.Replicas, monitor.HostPort{Host: "r", Port: 1})
			}
		})},
		"promise": {"*6\r\n:1\r\n" + id + ":12\r\n$7\r\npromise\r\n:500\r\n:7\r\n", with(func(r *monitor.AskReply) {
			r.Leader, r.Epoch, r.Promise = runID, 12, monitor.Promise{Known: true, For: 500 * time.Millisecond, ConfigEpoch: 7}
		})},
		"no promise":           {"*6\r\n:1\r\n$1\r\n*\r\n:0\r\n$7\r\npromise\r\n:0\r\n:7\r\n", with(func(r *monitor.AskReply) { r.Promise = monitor.Promise{Known: true, ConfigEpoch: 7} })},
		"promise for too long": {"*6\r\n:1\r\n$1\r\n*\r\n:0\r\n$7\r\npromise\r\n:10001\r\n:7\r\n", no},
		"another word":         {"*6\r\n:1\r\n$1\r\n*\r\n:0\r\n$7\r\npremise\r\n:500\r\n:7\r\n", no},
		"port 0":               {"*5\r\n:1\r\n$1\r\n*\r\n:0\r\n$1\r\nr\r\n:0\r\n", no},
		"unprintable host":     {"*5\r\n:1\r\n$1\r\n*\r\n:0\r\n$1\r\n\n\r\n:1\r\n", no},
		"a port too little":    {"*6\r\n:1\r\n$1\r\n*\r\n:0\r\n$1\r\nr\r\n:1\r\n$1\r\nr\r\n", no},
		"text for a number":    {"*3\r\n$1\r\n1\r\n$1\r\n*\r\n:0\r\n", no},
		"text for an epoch":    {"*3\r\n:1\r\n$1\r\n*\r\n$1\r\n0\r\n", no},
		"nested":               {"*3\r\n*1\r\n:1\r\n$1\r\n*\r\n:0\r\n", no},
		"null":                 {"*-1\r\n", no},
		"error":                {"-NOPERM\r\n", no},
	} {
		t.Run(name, func(t *testing.T) {
			exchange(t, monitor.AskMasterDown{}, []string{c.reply}, c.want)
		})
	}
}

func TestRoleChanges(t *testing.T) {
	const ok, queued = "+OK\r\n", "+QUEUED\r\n"
	const noCommand = "-ERR unknown command 'x'\r\n"
	tx := func(multi, slaveOf, config, kill1, kill2, exec string) []string {
		return []string{multi, slaveOf, config, kill1, kill2, exec}
	}
	for name, c := range map[string]struct {
		plain   bool
		replies []string
		refused string
		aborted bool
	}{
		"done":                         {false, tx(ok, queued, queued, queued, queued, "*4\r\n+OK\r\n+OK\r\n:0\r\n:1\r\n"), "", false},
		"done, no file to rewrite":     {false, tx(ok, queued, queued, queued, queued, "*4\r\n+OK\r\n-ERR no config file\r\n:0\r\n:1\r\n"), "", false},
		"role refused":                 {false, tx(ok, queued, queued, queued, queued, "*4\r\n-ERR REPLICAOF not allowed in cluster mode.\r\n+OK\r\n:0\r\n:1\r\n"), "ERR REPLICAOF not allowed in cluster mode.", false},
		"command refused":              {false, tx(ok, queued, "-NOPERM config\r\n", queued, "-ERR second\r\n", "-EXECABORT Transaction discarded\r\n"), "NOPERM config", true},
		"loading":                      {false, tx(ok, "-LOADING\r\n", "-LOADING\r\n", queued, queued, "-EXECABORT x\r\n"), "LOADING", false},
		"SLAVEOF forbidden, MULTI too": {false, tx("-NOPERM multi\r\n", "-NOPERM slaveof\r\n", ok, ":0\r\n", ":0\r\n", "-ERR EXEC without MULTI\r\n"), "NOPERM slaveof", false},
		"EXEC aborts":                  {false, tx(ok, queued, queued, queued, queued, "-EXECABORT x\r\n"), "EXECABORT x", true},
		"EXEC says nothing":            {false, tx(ok, queued, queued, queued, queued, "*-1\r\n"), "EXEC executed nothing", true},
		"EXEC has no elements":         {false, tx(ok, queued, queued, queued, queued, "*0\r\n"), "EXEC executed nothing", true},
		"MULTI refused, role changed":  {false, tx(noCommand, ok, ok, ":0\r\n", ":0\r\n", "-ERR EXEC without MULTI\r\n"), "", false},
		"MULTI refused, role too":      {false, tx(noCommand, "-READONLY no\r\n", ok, ":0\r\n", ":0\r\n", "-ERR EXEC without MULTI\r\n"), "READONLY no", false},
		"plain, done":                  {true, []string{ok, ok, ":0\r\n", ":0\r\n"}, "", false},
		"plain, no rewrite":            {true, []string{ok, "-NOPERM\r\n", "-NOPERM\r\n", "-NOPERM\r\n"}, "", false},
		"plain, refused":               {true, []string{"-ERR no\r\n", ok, ":0\r\n", "-ERR last\r\n"}, "ERR no", false},
	} {
		t.Run(name, func(t *testing.T) {
			exchange(t, monitor.SlaveOf{Plain: c.plain}, c.replies,
				monitor.SlaveOfReply{Conn: 1, Token: token(7), Refused: c.refused, Aborted: c.aborted})
		})
	}
}

// TestRoleChangesDoNotMix sends one after the other: what was refused in the
// first must not be said of the second.
func TestRoleChangesDoNotMix(t *testing.T) {
	virtual(t, Config{}, answering("+OK\r\n", "-A\r\n", "-B\r\n", "-C\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "-EXECABORT\r\n",
		"+OK\r\n", ":1\r\n", ":1\r\n", ":1\r\n", "+PONG\r\n"), func(r *rig) {
		r.run(dialCommand, send(1, monitor.SlaveOf{}), send(2, monitor.SlaveOf{Plain: true}), send(3, monitor.Ping{}))
		synctest.Wait()
		r.want(linkUp, monitor.SlaveOfReply{Conn: 1, Token: token(1), Refused: "B"},
			monitor.SlaveOfReply{Conn: 1, Token: token(2)}, monitor.Pong{Conn: 1, Reply: monitor.PingPong})
	})
}

// TestExecUnknown is a server that knows MULTI and not EXEC. It would queue
// every PING from then on.
func TestExecUnknown(t *testing.T) {
	virtual(t, Config{}, answering("+OK\r\n", "+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "+QUEUED\r\n",
		"-ERR unknown command 'EXEC', with args beginning with: \r\n"), func(r *rig) {
		r.run(dialCommand, send(1, monitor.SlaveOf{}))
		synctest.Wait()
		checkOneLoss(t, r, "a transaction was left open, because EXEC was refused: ERR unknown command 'EXEC'")
		reply, ok := r.got()[1].(monitor.SlaveOfReply)
		if !ok || !reply.Aborted || reply.Token != token(1) {
			t.Errorf("the role change became %+v", r.got()[1])
		}
	})
}

func message(channel, payload string) string {
	return fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, len(payload), payload)
}

func TestPubSubMessages(t *testing.T) {
	const channel = "__sentinel__:hello"
	const hello = "10.1.1.1,26379," + runID + ",5,m,10.0.0.1,6379,4"
	confirmed := "*3\r\n$9\r\nsubscribe\r\n$18\r\n" + channel + "\r\n:1\r\n"
	activity := monitor.PubSubActivity{Conn: 1}
	heard := monitor.HelloReceived{Conn: 1, Hello: monitor.Hello{
		IP: "10.1.1.1", Port: 26379, RunID: runID, CurrentEpoch: 5, MasterName: "m", MasterIP: "10.0.0.1", MasterPort: 6379, ConfigEpoch: 4,
	}}
	bad := func(why string) []monitor.Input {
		return []monitor.Input{monitor.PubSubActivity{Conn: 1, BadHello: why}}
	}
	for name, c := range map[string]struct {
		frames string
		want   []monitor.Input
	}{
		"confirmation":      {"", nil},
		"hello":             {message(channel, hello), []monitor.Input{heard}},
		"two hellos":        {message(channel, hello) + message(channel, hello), []monitor.Input{heard, heard}},
		"malformed hello":   {message(channel, hello+","), bad(`"10.1.1.1,26379,` + runID + `,5,m," has 9 fields, want 8`)},
		"huge epoch":        {message(channel, strings.Replace(hello, ",5,", ",-1,", 1)), bad(`current epoch "-1": it is not an unsigned 64 bit number`)},
		"other channel":     {message("__sentinel__:Hello", hello), []monitor.Input{activity}},
		"pattern message":   {"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$1\r\nx\r\n", []monitor.Input{activity}},
		"number as payload": {"*3\r\n$7\r\nmessage\r\n$18\r\n" + channel + "\r\n:1\r\n", []monitor.Input{activity}},
		"unsubscribed":      {"*3\r\n$11\r\nunsubscribe\r\n$18\r\n" + channel + "\r\n:0\r\n", []monitor.Input{activity}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, answering("+OK\r\n", confirmed+c.frames), func(r *rig) {
				r.run(dialPubSub)
				synctest.Wait()
				r.want(slices.Concat([]monitor.Input{linkUp, activity}, c.want)...)
			})
		})
	}
}

// TestSubscribeRefused: a connection without the subscription ends, so that it is
// tried again, and the instance shown as disconnected.
func TestSubscribeRefused(t *testing.T) {
	virtual(t, Config{}, answering("+OK\r\n", "-NOPERM no channel\r\n"), func(r *rig) {
		r.run(dialPubSub)
		synctest.Wait()
		r.want(linkUp, monitor.LinkDown{Conn: 1, Reason: "no subscription after NOPERM no channel"})
		checkLog(t, r, "SUBSCRIBE was refused: NOPERM no channel (allow its ACL user +client +subscribe")
	})
}

// checkLog checks that exactly these lines, in this order, begin the lines logged.
func checkLog(t *testing.T, r *rig, want ...string) {
	t.Helper()
	got := r.log()
	same := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		same = same && strings.HasPrefix(got[i], want[i])
	}
	if !same {
		t.Errorf("logged\n got %q\nwant %q", got, want)
	}
}

// TestRefusalOncePerConnection: a refusal is told once on each connection, until
// the command works there. What of that is new is for the core to say.
func TestRefusalOncePerConnection(t *testing.T) {
	const wrong, noAuth, ok = "-WRONGPASS invalid\r\n", "-NOAUTH Authentication required.\r\n", "+OK\r\n"
	replies := []string{wrong, noAuth, noAuth, noAuth} // AUTH, SETNAME, PING, INFO
	d := dialCommand
	d.Pass = "secret"
	ping, info := send(1, monitor.Ping{}), send(2, monitor.InfoRequest{})
	virtual(t, Config{}, answering(replies...), func(r *rig) {
		r.run(d, ping, info)
		synctest.Wait()
		checkLog(t, r, "AUTH was refused: WRONGPASS invalid (set auth-user and auth-pass to what it accepts)")
	})
	replies = []string{ok, ok, "-NOPERM info\r\n", "-NOPERM info\r\n", "$0\r\n\r\n", "-LOADING\r\n", "-NOPERM info\r\n"}
	virtual(t, Config{}, answering(replies...), func(r *rig) {
		r.run(d, info, info, info, info, info)
		synctest.Wait()
		checkLog(t, r, "INFO was refused: NOPERM info (allow its ACL user", "INFO was refused: NOPERM info (allow its ACL user")
	})
}

func TestPasswordAskedFor(t *testing.T) {
	replies := []string{"-NOAUTH a\r\n", "-NOAUTH a\r\n", "-NOAUTH a\r\n"}
	virtual(t, Config{}, answering(replies...), func(r *rig) {
		d := dialCommand
		d.Target = monitor.KindSentinel
		r.run(d, send(1, monitor.Ping{}), send(2, monitor.PublishHello{}))
		synctest.Wait()
		checkLog(t, r, "CLIENT SETNAME was refused: NOAUTH a (it asks for a password: set sentinel-pass, and sentinel-user")
	})
}

// TestPasswordIsNeverShown lets a server repeat the password as real ones do
// with the arguments of a command that they do not know.
func TestPasswordIsNeverShown(t *testing.T) {
	for _, refusal := range []string{
		"-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
		"-ERR unknown command 'AUTH', with args beginning with: 'hunt\r\n",
		"-ERR you said hunter2\r\n",
	} {
		virtual(t, Config{}, answerAndClose(refusal, refusal), func(r *rig) {
			d := dialCommand
			d.Pass = "hunter2"
			r.run(d)
			synctest.Wait()
			all := fmt.Sprint(r.log(), r.got())
			if !strings.Contains(all, "AUTH was refused") || !strings.Contains(all, "closed by the other side after") || strings.Contains(all, "hunt") {
				t.Errorf("logged %s", all)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	for refusal, want := range map[string]string{
		"NOPERM this user has no permissions": "allow its ACL user +client",
		"NOAUTH Authentication required.":     "it asks for a password: set auth-pass",
		"ERR operation not permitted":         "it asks for a password",
		"WRONGPASS invalid":                   "set auth-user and auth-pass",
		"ERR invalid password":                "set auth-user and auth-pass",
		"ERR AUTH <password> called without any password configured for the default user.": "remove auth-pass",
		"ERR Client sent AUTH, but no password is set":                                     "remove auth-pass",
		"ERR wrong number of arguments for 'auth' command":                                 "remove auth-user",
		"ERR unknown command 'CLIENT'":                                                     "set rename-command",
		"DENIED Redis is running in protected mode":                                        "protected mode",
		"ERR max number of clients reached":                                                "raise maxclients",
		"LOADING Redis is loading":                                                         "",
	} {
		_, got := remedyFor(refusal, monitor.KindReplica)
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", refusal, got, want)
		}
	}
}

func TestEveryStepHasAName(t *testing.T) {
	for r := range replyPlainEnd + 2 {
		if s, ok := stepOf(r); ok && stepNames[s] == "" {
			t.Errorf("step %d of reply %d has no name", s, r)
		}
	}
}

func TestFifo(t *testing.T) {
	var f fifo
	next, due := uint64(0), uint64(0)
	for round := range 200 {
		for range round % 37 {
			f.push(expected{token: token(next)})
			next++
		}
		for range min(f.n, round%31) {
			if got := f.pop().token.Seq; got != due {
				t.Fatalf("popped %d, want %d", got, due)
			}
			due++
		}
	}
	for f.n > 0 {
		f.pop()
		due++
	}
	if due != next {
		t.Errorf("popped %d of %d", due, next)
	}
	if len(f.ring) > 16 {
		t.Errorf("an empty fifo keeps %d entries", len(f.ring))
	}
}

// FuzzFeed answers everything that a connection can ask with arbitrary bytes.
// They must mean the same in whatever pieces they arrive, answer no command
// twice, and leave no more behind than the bounds allow.
func FuzzFeed(f *testing.F) {
	const good = "+OK\r\n+PONG\r\n$13\r\nrole:master\r\n\r\n:1\r\n*3\r\n:1\r\n$1\r\n*\r\n:0\r\n" +
		"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n+OK\r\n:0\r\n:1\r\n+OK\r\n:1\r\n:1\r\n:1\r\n+OK\r\n"
	hello := message("__sentinel__:hello", "10.1.1.1,26379,"+runID+",5,m,10.0.0.1,6379,4")
	f.Add([]byte(good), uint8(1), false)
	f.Add([]byte(good+"+PONG\r\n"), uint8(9), false)
	f.Add([]byte("-NOAUTH\r\n-NOAUTH\r\n-NOAUTH\r\n-NOAUTH\r\n*-1\r\n-A\r\n+OK\r\n-B\r\n-C\r\n-D\r\n-E\r\n"), uint8(3), false)
	f.Add([]byte("+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nh\r\n:1\r\n"+hello), uint8(5), true)
	f.Add([]byte("+OK\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"), uint8(2), true)
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, pubSub bool) {
		whole, err := feedPieces(t, b, max(1, len(b)), pubSub)
		pieces, err2 := feedPieces(t, b, max(1, int(piece)), pubSub)
		if !reflect.DeepEqual(whole, pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q\n at once %+v, %v\n in pieces %+v, %v", b, whole, err, pieces, err2)
		}
	})
}

func feedPieces(t *testing.T, b []byte, piece int, pubSub bool) ([]monitor.Input, error) {
	p := New(Config{Deliver: func(monitor.Instant, monitor.Input) {}, Now: func() monitor.Instant { return 1 }})
	d, commands := dialPubSub, []monitor.Command(nil)
	if !pubSub {
		d = dialCommand
		commands = []monitor.Command{monitor.Ping{}, monitor.InfoRequest{}, monitor.PublishHello{}, monitor.AskMasterDown{}, monitor.AskGossip{},
			monitor.SlaveOf{}, monitor.SlaveOf{Plain: true}, monitor.ScriptKill{}}
	}
	c := newConn(p, d, nil)
	for i, cmd := range commands {
		c.send(send(uint64(i), cmd))
	}
	for len(b) > 0 {
		n := min(piece, len(b))
		if err := c.feed(b[:n]); err != nil {
			return c.in.ready, err
		}
		b = b[n:]
		if len(c.in.rest) > c.limits.InfoBytes+2*maxLine {
			t.Fatalf("%d bytes are kept", len(c.in.rest))
		}
		if !pubSub && len(c.in.ready) > len(commands) {
			t.Fatalf("%d commands got %d answers", len(commands), len(c.in.ready))
		}
	}
	return c.in.ready, nil
}

func TestGossipReplies(t *testing.T) {
	bulk := func(texts ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(texts))
		for _, text := range texts {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(text), text)
		}
		return b.String()
	}
	whole := monitor.GossipEndpoint{
		ID: runID, Addr: monitor.HostPort{Host: "10.0.0.1", Port: 36379}, Boot: "00000000000000ff", KeyID: "1a2b3c4d", Version: "0.1.0",
	}
	stock := monitor.GossipReply{Conn: 1, Token: token(7)}
	known := stock
	known.Known = true
	with := func(e monitor.GossipEndpoint) monitor.GossipReply { r := known; r.Endpoint = e; return r }
	for name, c := range map[string]struct {
		reply string
		want  monitor.GossipReply
	}{
		"whole": {bulk("version", "0.1.0", "run-id", runID, "boot", "00000000000000ff", "ip", "10.0.0.1", "port", "36379", "key-id", "1a2b3c4d"), with(whole)},
		"later": {bulk("ip", "10.0.0.1", "colour", "blue", "port", "36379", "key-id", "1a2b3c4d", "run-id", runID, "boot", "00000000000000ff", "version", "0.1.0"), with(whole)},
		"off":   {bulk("version", "0.1.0", "port", "0"), with(monitor.GossipEndpoint{Version: "0.1.0"})},
		"stock": {"-ERR Unknown sentinel subcommand 'GOSSIP'. Try SENTINEL HELP.\r\n", stock},
		"IPv6":  {bulk("version", "1", "ip", "fe80::1", "port", "1"), with(monitor.GossipEndpoint{Version: "1", Addr: monitor.HostPort{Host: "fe80::1", Port: 1}})},

		"denied":          {"-NOPERM no\r\n", monitor.GossipReply{Conn: 1, Token: token(7), Denied: true}},
		"status":          {"+OK\r\n", stock},
		"null":            {"*-1\r\n", stock},
		"empty":           {"*0\r\n", stock},
		"odd":             {bulk("version", "1", "port"), stock},
		"no version":      {bulk("port", "1"), stock},
		"only a number":   {":1\r\n", stock},
		"a number":        {"*2\r\n$7\r\nversion\r\n:1\r\n", stock},
		"nested":          {"*2\r\n$7\r\nversion\r\n*1\r\n:1\r\n", stock},
		"short id":        {bulk("version", "1", "run-id", "abc"), known},
		"host name":       {bulk("version", "1", "ip", "example.org", "port", "1"), known},
		"large port":      {bulk("version", "1", "port", "65536"), known},
		"negative port":   {bulk("version", "1", "port", "-1"), known},
		"port of letters": {bulk("version", "1", "port", "x"), known},
		"control":         {bulk("version", "1\n", "port", "1"), known},
		"long":            {bulk("version", strings.Repeat("x", 200), "port", "1"), known},
	} {
		t.Run(name, func(t *testing.T) {
			exchange(t, monitor.AskGossip{}, []string{c.reply}, c.want)
		})
	}
}
