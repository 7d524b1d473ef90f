package configrewrite

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// forgottenLine returns the line about a member of m that was forgotten (SENTINEL FORGET).
// To the originals it is a comment, which they keep. The second argument is the id of a
// Sentinel, or host and port of a replica.
func forgottenLine(m *monitor.MasterState, t monitor.Tombstone) string {
	what := string(t.ID)
	if what == "" {
		what = t.At.String()
	}
	return ownMark + "forgotten " + joinArgs(m.Name, what, either(t.Over, "back", "away"),
		strconv.FormatInt(t.Until, 10), strconv.FormatUint(t.Version, 10), string(t.By))
}

// forgotten applies what follows the mark. A damaged line tells nothing.
func (p *parser) forgotten(s statement) {
	i, known := p.index[s.args[0]]
	until, err1 := strconv.ParseInt(s.args[3], 10, 64)
	version, err2 := strconv.ParseUint(s.args[4], 10, 64)
	if !known || err1 != nil || err2 != nil {
		return
	}
	t := tombstone(s.args[1])
	t.Over, t.Until, t.Version, t.By = s.args[2] == "back", until, version, monitor.RunID(s.args[5])
	m := p.doc.State.Masters[i]
	m.Tombstones = normalTombstones(append(m.Tombstones, t))
}

// tombstone returns one about a member, as [forgottenLine] names it.
func tombstone(what string) (t monitor.Tombstone) {
	if valid.ID(what) == nil {
		t.ID = monitor.RunID(what)
		return t
	}
	host, port, _ := net.SplitHostPort(what)
	t.At.Host = host
	t.At.Port, _ = strconv.Atoi(port)
	return t
}

// normalTombstones leaves out those that no line is written for.
func normalTombstones(list []monitor.Tombstone) []monitor.Tombstone {
	var kept []monitor.Tombstone
	for _, t := range list {
		isReplica := t.ID == "" && valid.Announced(t.At.Host) == nil && t.At.Port > 0 && t.At.Port <= 65535
		if (isReplica || valid.ID(string(t.ID)) == nil) && t.Version != 0 && t.Until > 0 && valid.ID(string(t.By)) == nil && len(kept) < monitor.MaxTombstones {
			kept = append(kept, t)
		}
	}
	return kept
}

// renderTombstones writes the list about m in the state part.
func renderTombstones(b *strings.Builder, m *monitor.MasterState) {
	list := normalTombstones(m.Tombstones)
	if len(list) == 0 {
		return
	}
	b.WriteString("forgotten = [")
	for _, t := range list {
		fmt.Fprintf(b, "\n  { id = %s, host = %s, port = %d, back = %t, until = %d, version = %s, by = %s },",
			tomlString(string(t.ID)), tomlString(t.At.Host), t.At.Port, t.Over, t.Until, tomlNumber(t.Version), tomlString(string(t.By)))
	}
	b.WriteString("\n]\n")
}

// savedTombstones reads that list. What is damaged tells nothing.
func savedTombstones(v any) []monitor.Tombstone {
	list, _ := v.([]any)
	var found []monitor.Tombstone
	for _, v := range list {
		t, _ := v.(map[string]any)
		text := func(key string) string { s, _ := t[key].(string); return decoded(s) }
		port, _ := t["port"].(int64)
		stone := monitor.Tombstone{ID: monitor.RunID(text("id")), At: monitor.HostPort{Host: text("host"), Port: int(port)},
			Version: savedOffset(t["version"]), By: monitor.RunID(text("by"))}
		stone.Until, _ = t["until"].(int64)
		stone.Over, _ = t["back"].(bool)
		found = append(found, stone)
	}
	return normalTombstones(found)
}
