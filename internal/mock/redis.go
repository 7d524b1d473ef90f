package mock

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/tidwall/redcon"
)

// server is the data server of a node: an embedded Redis that really has roles
// and replicates. Only actions touch it, one at a time.
type server struct {
	run  *fakeredis.Server // nil: not started yet
	data *fakeredis.Data   // what it had when it was killed
	of   *node             // whom it follows; nil for a master
	dead bool

	frozen, due bool // due: it has to be told its role when it thaws
}

func (s *server) start(n *node) error {
	if s.run != nil && !s.dead {
		return nil
	}
	ln, err := n.listen()
	if err != nil {
		return err
	}
	cfg := fakeredis.Config{
		Listener: ln, Dial: n.m.dialer(), Password: n.m.script.Password, MasterPassword: n.m.script.Password, Data: s.data, Hook: hook{n},
		Parameters: map[string]string{"repl-diskless-sync-delay": "0", "maxclients": "1000", "maxmemory": "16777216"},
	}
	if s.of != nil {
		cfg.ReplicaOf = s.of.addr()
	}
	run, err := fakeredis.Start(cfg)
	if err != nil {
		_ = ln.Close()
		return err
	}
	s.run, s.dead = run, false
	return nil
}

// settleTime is how long a replica may take to synchronise. It takes milliseconds,
// and more in a chain whose upper part is not ready.
const settleTime = 5 * time.Second

// settle waits until a replica has synchronised, so that the first client finds
// nothing half done.
func (s *server) settle(n *node) {
	for end := time.Now().Add(settleTime); time.Now().Before(end); {
		if bytes.Contains(s.run.Do("ROLE"), []byte("$9\r\nconnected\r\n")) || !n.pause(time.Millisecond) {
			return
		}
	}
}

func (s *server) kill() {
	if s.run != nil && !s.dead {
		s.run.Crash()
		s.data, s.dead, s.frozen, s.due = s.run.Data(), true, false, false
	}
}

// obey makes it a replica of another one, or a master with nil. One that is dead
// or frozen becomes that later.
func (s *server) obey(of *node) {
	if s.of, s.due = of, s.frozen; s.dead || s.frozen {
		return
	}
	host, port := "NO", "ONE"
	if of != nil {
		host, port = of.host, strconv.Itoa(of.port)
	}
	s.run.Do("REPLICAOF", host, port)
}

// cut closes the connections of its clients, as Sentinels do at a demotion.
func (s *server) cut() {
	if !s.dead && !s.frozen {
		s.run.Do("CLIENT", "KILL", "TYPE", "normal")
		s.run.Do("CLIENT", "KILL", "TYPE", "pubsub")
	}
}

func (s *server) freeze() {
	if !s.dead && !s.frozen {
		s.run.Pause()
		s.frozen = true
	}
}

func (s *server) thaw() {
	if !s.frozen {
		return
	}
	s.run.Resume()
	if s.frozen = false; s.due {
		s.obey(s.of)
	}
}

// hook sees what clients send to a server.
type hook struct{ n *node }

func (h hook) Before(client int64, args [][]byte) fakeredis.Treatment {
	n := h.n
	n.m.trace(n, args)
	names := commandNames(args)
	n.m.mu.Lock()
	n.seen(client)
	r := n.treatment(names, dataClass(names[0])...)
	n.m.mu.Unlock()
	var t fakeredis.Treatment
	switch r.how {
	case anError:
		t = fakeredis.Treatment{Skip: true, Reply: redcon.AppendError(nil, r.text)}
	case null:
		t = fakeredis.Treatment{Skip: true, Reply: redcon.AppendNull(nil)}
	case raw:
		t = fakeredis.Treatment{Skip: true, Reply: []byte(r.text)}
	case half:
		t.Half = true
	case closing:
		t = fakeredis.Treatment{Skip: true, Close: true}
	case silent:
		t.Skip = true
	case slow:
		n.pause(r.delay)
	}
	return t
}

// dataClass says whether a rule for writes, reads or roles is about a command.
func dataClass(name string) []quantity {
	switch name {
	case "set", "del", "incr", "incrby", "rpush", "flushall", "exec":
		return []quantity{writes}
	case "get", "exists", "llen", "lrange", "dbsize", "keys":
		return []quantity{reads}
	case "role", "info":
		return []quantity{roles}
	}
	return nil
}

func (h hook) After(client int64, o fakeredis.Outcome) {
	n := h.n
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	switch {
	case o.Error != "":
		n.count(refusals, 1)
	case o.Write:
		n.count(writes, 1)
	case o.Data:
		n.count(reads, 1)
	case o.Name == "role" || o.Name == "info":
		n.count(roles, 1)
	case strings.HasSuffix(o.Name, "subscribe") && !strings.Contains(o.Name, "unsub"):
		n.count(subscribes, 1)
	}
}

func (h hook) Closed(client int64) { h.n.gone(client) }

// commandNames returns the command in lower case and, where it is a container,
// the subcommand first.
func commandNames(args [][]byte) []string {
	lower := func(b []byte) string { return strings.ToLower(string(b[:min(len(b), 64)])) }
	name := lower(args[0])
	switch name {
	case "sentinel", "client", "config", "command", "pubsub", "acl":
		if len(args) > 1 {
			return []string{lower(args[1]), name}
		}
	}
	return []string{name}
}

// trace logs a command, without the passwords in it.
func (m *Mock) trace(n *node, args [][]byte) {
	if !m.opt.Trace {
		return
	}
	var b strings.Builder
	b.WriteString(n.Name + " <-")
	secret := strings.EqualFold(string(args[0]), "auth")
	for i, a := range args {
		if i >= 12 {
			b.WriteString(" ...")
			break
		}
		text := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, string(a[:min(len(a), 80)]))
		switch {
		case secret && i > 0:
			text = "***"
		case strings.EqualFold(text, "auth"): // HELLO 3 AUTH user password
			secret = true
		}
		b.WriteString(" " + text)
	}
	m.opt.Log(b.String())
}
