package survey

import (
	"slices"
	"strings"
)

// duty is a command that a Sentinel sends to servers. The words do nothing if somebody
// carries them out all the same: they are not what the command can be told.
type duty struct {
	words []string
	vital bool
	why   string
	rule  string
}

var duties = []duty{
	{[]string{"SLAVEOF", "127.0.0.1", "no-port"}, true, "it promotes replicas, and gives the others their new master", "+slaveof"},
	{[]string{"INFO", "replication"}, true, "it tells Sentinels which role a server has", "+info"},
	{[]string{"PUBLISH", "__sentinel__:hello", "x"}, true, "Sentinels find each other by it", "+publish &__sentinel__:hello"},
	{[]string{"SUBSCRIBE", "__sentinel__:hello"}, true, "Sentinels find each other by it", "+subscribe &__sentinel__:hello"},
	{[]string{"CONFIG", "REWRITE"}, false, "without it a server that restarts has its old role", "+config|rewrite"},
	{[]string{"CLIENT", "KILL", "TYPE", "none"}, false, "without it clients stay connected to the old master", "+client|kill"},
	{[]string{"CLIENT", "PAUSE", "no-number", "WRITE"}, false, "without it only the change of role ends writes in a planned failover", "+client|pause +client|unpause"},
	{[]string{"CLIENT", "SETNAME", "no name"}, false, "it names the connections of Sentinels", "+client|setname"},
	{[]string{"SCRIPT", "KILL"}, false, "it ends a script that keeps a server from answering", "+script|kill"},
}

// askRights finds out which commands a Sentinel with this login could not use. They are put into a
// transaction, where the server says at once what it refuses, and the transaction is dropped.
func (t *taker) askRights(c *conn, s *Server, master string) *Problem {
	name := func(command string) string {
		if t.Command == nil {
			return command
		}
		return t.Command(master, command)
	}
	// An empty transaction shows whether transactions are allowed.
	for _, command := range []string{"MULTI", "EXEC"} {
		v, p := c.do(name(command))
		if p != nil {
			return p
		}
		if lack, refused := refusal(v.Text, v.Failed()); refused {
			lack.Command, lack.Vital, lack.For, lack.Rule = command, true, "a server gets its role in a transaction", "+multi +exec"
			s.Lacks = append(s.Lacks, lack)
			return nil
		}
	}
	for _, words := range [][]string{{name("MULTI")}, {"PING"}} {
		v, p := c.do(words...)
		if p != nil {
			return p
		}
		if v.Kind != '+' || words[0] == "PING" && v.Text != "QUEUED" {
			t.leave("rights at %s: it has no transactions", s.Addr)
			return nil
		}
	}
	for _, d := range duties {
		words := slices.Clone(d.words)
		words[0] = name(words[0])
		v, p := c.do(words...)
		if p != nil {
			return p
		}
		lack, refused := refusal(v.Text, v.Failed())
		if !refused && v.Text != "QUEUED" && !v.Failed() {
			t.leave("rights at %s: it answered %q inside a transaction", s.Addr, v.Text)
			return nil
		}
		if refused {
			lack.Command, lack.Vital, lack.For, lack.Rule = command(d.words), d.vital, d.why, d.rule
			s.Lacks = append(s.Lacks, lack)
		}
	}
	return nil // hanging up drops the transaction, whatever the user may do
}

func command(words []string) string {
	switch words[0] {
	case "CLIENT", "CONFIG", "SCRIPT":
		return words[0] + " " + words[1]
	}
	return words[0]
}

func refusal(text string, failed bool) (l Lack, refused bool) {
	switch {
	case !failed:
		return l, false
	case strings.HasPrefix(text, "NOPERM"):
		return l, true
	case strings.HasPrefix(text, "ERR unknown command"):
		l.Renamed = true
		return l, true
	}
	return l, false // an old release, which lacks a part of the command
}
