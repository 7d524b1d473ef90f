package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// badStart is a start that must fail, with status 1 and a text that tells what
// to do.
type badStart struct {
	conf string
	// spoil makes the start fail; nil when conf is enough.
	spoil func(e *env, s *cluster.Sentinel)
	args  []string
	// says must be found in the output of gosentinel, stock in that of the original.
	says  string
	stock string
	// tolerant says that the original starts all the same.
	tolerant bool
	// user runs the daemon without the rights of root.
	user *syscall.Credential
}

// good is a configuration to which each case adds its fault. It has four lines.
const good = "port %PORT%\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 6379 2\nsentinel down-after-milliseconds mymaster 5000\n"

var badStarts = map[string]badStart{
	"missing file": {
		spoil: func(e *env, s *cluster.Sentinel) { e.must(os.Remove(s.Conf())) },
		says:  `can't open config file '\S*/sentinel\.conf': (?i:no such file or directory)`,
	},
	"unreadable file": {
		conf: good, user: nobody(),
		spoil: func(e *env, s *cluster.Sentinel) { e.must(os.Chmod(s.Conf(), 0)) },
		says:  `can't open config file '\S*/sentinel\.conf': (?i:permission denied)`,
	},
	"read-only file": {
		conf: good, user: nobody(),
		spoil: func(e *env, s *cluster.Sentinel) { e.must(os.Chmod(s.Conf(), 0o444)) },
		says:  `(?i)sentinel\.conf is not writable: Permission denied`,
	},
	"unknown sentinel directive": {
		conf: good + "sentinel down-after-miliseconds mymaster 1\n",
		says: `(?s)sentinel\.conf:5: .*>>> sentinel down-after-miliseconds mymaster 1.*did you mean "sentinel down-after-milliseconds"`, stock: `at line 5`,
	},
	"unknown directive": {
		conf: good + "prot 5\n",
		says: `(?s)sentinel\.conf:5: Bad directive.*>>> prot 5.*did you mean "port"`, stock: `at line 5`,
	},
	"cut in the middle of a line": {
		conf: good[:strings.LastIndex(good, " 6379")],
		says: `(?s)sentinel\.conf:3: .*>>> sentinel monitor mymaster 127\.0\.0\.1\n`, stock: `at line 3`,
	},
	"cut in the middle of a quote": {
		conf: good + "sentinel auth-pass mymaster \"secr",
		says: `sentinel\.conf:5: Unbalanced quotes`, stock: `Unbalanced quotes`,
	},
	"cut in the middle of an epoch": {
		conf: good + "sentinel myid " + strings.Repeat("a", 40) + "\nsentinel current-epoch",
		says: `(?s)sentinel\.conf:6: .*>>> sentinel current-epoch\n`, stock: `at line 6`,
	},
	"zeros after a crash of the machine": {
		conf: good + strings.Repeat("\x00", 512), tolerant: true,
		says: `sentinel\.conf:5: .*damaged`,
	},
	"duplicate master": {
		conf: good + "sentinel monitor mymaster 127.0.0.1 6380 2\n",
		says: `(?s)sentinel\.conf:5: Duplicate master name`, stock: `Duplicate master name`,
	},
	"quorum zero": {
		conf: strings.Replace(good, "6379 2", "6379 0", 1),
		says: `(?s)sentinel\.conf:3: Quorum must be 1 or greater`, stock: `Quorum must be 1 or greater`,
	},
	"bad number": {
		conf: good + "sentinel parallel-syncs mymaster many\n", tolerant: true,
		says: `(?s)sentinel\.conf:5: .*>>> sentinel parallel-syncs mymaster many`,
	},
	"option of an unknown master": {
		conf: good + "sentinel parallel-syncs mymastre 1\n",
		says: `(?s)sentinel\.conf:5: No such master.*did you mean "mymaster"`, stock: `No such master`,
	},
	"port taken": {
		conf: good,
		spoil: func(e *env, s *cluster.Sentinel) {
			ln, err := net.Listen("tcp", s.Addr())
			e.must(err)
			e.Cleanup(func() { e.must(ln.Close()) })
		},
		says: `(?i)address already in use`,
	},
	"state of a newer version": {
		conf: good + "state-file state.toml\n", tolerant: true,
		spoil: func(e *env, s *cluster.Sentinel) {
			// Written by the daemon itself, then lifted to a version of the future.
			e.must(s.Start())
			e.must(s.WaitReady(e.ctx))
			s.Kill()
			path := filepath.Join(s.Dir(), "state.toml")
			text, err := os.ReadFile(path)
			e.must(err)
			newer := regexp.MustCompile(`(?m)^version = \d+$`).ReplaceAll(text, []byte("version = 99"))
			if bytes.Equal(newer, text) {
				e.Fatalf("no version in the state file:\n%s", text)
			}
			e.must(os.WriteFile(path, newer, 0o644))
		},
		says: `state\.toml:\d+: .*version 99`,
	},
	"no port at all": {
		conf: strings.Replace(good, "%PORT%", "0", 1),
		says: `Configured to not listen anywhere`,
	},
	"bad port on the command line": {
		conf: good, args: []string{"--port", "seventy"},
		says: `seventy`,
	},
}

// A start that cannot succeed ends with status 1, names its reason, and leaves
// the operator's file as it was.
func TestBadStarts(t *testing.T) {
	t.Parallel()
	for name, bad := range badStarts {
		t.Run(name, func(t *testing.T) {
			if bad.tolerant {
				onlyGosentinel(t)
			}
			t.Parallel()
			e := newEnvAs(t, bad.user)
			port, err := e.c.Port()
			e.must(err)
			conf := strings.ReplaceAll(bad.conf, "%PORT%", fmt.Sprint(port))
			s, err := e.c.AddSentinel(cluster.NodeSpec{Name: "sentinel", Port: port, Conf: conf, Args: bad.args})
			e.must(err)
			if bad.spoil != nil {
				bad.spoil(e, s)
			}
			e.must(s.Start())
			if status := e.exit(s); status != 1 {
				t.Errorf("exit status %d, want 1", status)
			}
			says := bad.says
			if testingStock() && bad.stock != "" {
				says = bad.stock
			}
			log, err := s.Log()
			e.must(err)
			if !regexp.MustCompile(says).MatchString(log) {
				t.Errorf("the output does not match %s:\n%s", says, log)
			}
			if name == "missing file" {
				return
			}
			if after, err := os.ReadFile(s.Conf()); err != nil || string(after) != conf {
				t.Errorf("the file was changed to %q, %v", after, err)
			}
		})
	}
}

// Without any file there is no place for the state.
func TestStartWithoutFile(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	port, err := e.c.Port()
	e.must(err)
	s, err := e.c.AddSentinel(cluster.NodeSpec{Name: "sentinel", Port: port})
	e.must(err)
	s.SetArgv(append(underTest(t), "--sentinel", "--port", fmt.Sprint(port))...)
	e.must(s.Start())
	if status := e.exit(s); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if log, err := s.Log(); err != nil || !strings.Contains(log, "needs config file on disk to save state") {
		t.Errorf("%v, %s", err, log)
	}
}

// An empty file is a legal beginning: masters can be added at run time, and the
// file is where the Sentinel keeps them.
func TestStartWithEmptyFile(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	server := e.server("server", cluster.NodeSpec{})
	port, err := e.c.Port()
	e.must(err)
	s, err := e.c.StartSentinel(cluster.NodeSpec{Name: "sentinel", Port: port, Args: []string{"--port", fmt.Sprint(port), "--bind", "127.0.0.1"}})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	id, err := s.MyID(e.ctx)
	e.must(err)
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(id) {
		t.Errorf("id %q", id)
	}
	_, err = s.Do(e.ctx, "SENTINEL", "MONITOR", "late", "127.0.0.1", server.Port(), 1)
	e.must(err)
	e.eventAbout(s, "+monitor", fmt.Sprintf("master late 127.0.0.1 %d quorum 1", server.Port()))
	e.must(s.Restart(e.ctx))
	if now, err := s.MyID(e.ctx); err != nil || now != id {
		t.Errorf("the id changed from %s to %s, %v", id, now, err)
	}
	e.must(s.WaitView(e.ctx, "late", 0, 0))
}

// A directory in which no file can be created: the Sentinel could never save a
// vote. The original starts and warns at every save; gosentinel refuses.
func TestUnwritableDirectory(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnvAs(t, nobody())
	port, err := e.c.Port()
	e.must(err)
	s, err := e.c.AddSentinel(cluster.NodeSpec{Name: "sentinel", Port: port, Conf: strings.ReplaceAll(good, "%PORT%", fmt.Sprint(port))})
	e.must(err)
	e.must(os.Chmod(s.Dir(), 0o555))
	defer func() { e.must(os.Chmod(s.Dir(), 0o755)) }()
	e.must(s.Start())
	if status := e.exit(s); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if log, err := s.Log(); err != nil || !regexp.MustCompile(`(?i)not writable: permission denied`).MatchString(log) {
		t.Errorf("%v, output:\n%s", err, log)
	}
}

// With a state file the operator's configuration is only read, so that it can
// lie on a read-only file system; everything learned is in the state file.
func TestStateFile(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	server := e.server("server", cluster.NodeSpec{})
	s := e.sentinel("sentinel", server, "state-file state.toml")
	conf, err := os.ReadFile(s.Conf())
	e.must(err)
	id, err := s.MyID(e.ctx)
	e.must(err)
	if got, err := askVote(e.ctx, s, server, 9, candidate(9)); err != nil || got != (vote{candidate(9), 9}) {
		t.Fatalf("vote %+v, %v", got, err)
	}
	_, err = s.Do(e.ctx, "SENTINEL", "SET", "mymaster", "quorum", 7)
	e.must(err)
	e.must(s.Restart(e.ctx))
	if now, err := s.MyID(e.ctx); err != nil || now != id {
		t.Errorf("the id changed from %s to %s, %v", id, now, err)
	}
	if m, err := s.Master(e.ctx, "mymaster"); err != nil || m["quorum"] != "7" {
		t.Errorf("quorum %s after the restart, %v", m["quorum"], err)
	}
	if got, err := askVote(e.ctx, s, server, 9, candidate(1)); err != nil || got.leader == candidate(1) || got.epoch != 9 {
		t.Errorf("epoch 9 was voted in; after the restart the answer is %+v, %v", got, err)
	}
	if after, err := os.ReadFile(s.Conf()); err != nil || !bytes.Equal(after, conf) {
		t.Errorf("the configuration was changed to\n%s\n%v", after, err)
	}
}
