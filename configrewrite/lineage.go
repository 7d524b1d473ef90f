package configrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// lineageLine returns the line that says what m had when it was last heard; "" when it
// never was. To the originals it is a comment, which they keep.
func lineageLine(m *monitor.MasterState) string {
	l := &m.Lineage
	if !l.Heard {
		return ""
	}
	id := l.ReplID
	if id == "" {
		id = "-"
	}
	args := []string{m.Name, id, strconv.FormatUint(l.Offset, 10), either(l.Keys, "keys", "empty"), either(l.Persistent, "disk", "memory")}
	if l.ReplID2 != "" {
		args = append(args, l.ReplID2, strconv.FormatUint(l.Second, 10))
	}
	return ownMark + "lineage " + joinArgs(args...)
}

func either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// lineage applies what follows the mark.
func (p *parser) lineage(s statement) {
	i, known := p.index[s.args[0]]
	offset, err := strconv.ParseUint(s.args[2], 10, 64)
	if !known || err != nil {
		return
	}
	l := monitor.Lineage{
		Heard: true, ReplID: s.args[1], Offset: offset, Keys: s.args[3] == "keys", Persistent: s.args[4] == "disk",
	}
	if len(s.args) == 7 {
		l.ReplID2 = s.args[5]
		l.Second, _ = strconv.ParseUint(s.args[6], 10, 64)
	}
	p.doc.State.Masters[i].Lineage = normalLineage(l)
}

// renderLineage writes the table about m in the state part, if it was heard.
func renderLineage(b *strings.Builder, m *monitor.MasterState) {
	l := &m.Lineage
	if !l.Heard {
		return
	}
	before := ""
	if l.ReplID2 != "" {
		before = fmt.Sprintf(", replid2 = %s, second = %s", tomlString(l.ReplID2), tomlNumber(l.Second))
	}
	fmt.Fprintf(b, "lineage = { replid = %s, offset = %s, keys = %t, persistent = %t%s }\n",
		tomlString(l.ReplID), tomlNumber(l.Offset), l.Keys, l.Persistent, before)
}

// savedLineage reads that table. A damaged one tells nothing.
func savedLineage(v any) monitor.Lineage {
	t, ok := v.(map[string]any)
	if !ok {
		return monitor.Lineage{}
	}
	l := monitor.Lineage{Heard: true, Offset: savedOffset(t["offset"]), Second: savedOffset(t["second"])}
	l.Keys, _ = t["keys"].(bool)
	l.Persistent, _ = t["persistent"].(bool)
	id, _ := t["replid"].(string)
	l.ReplID = decoded(id)
	id, _ = t["replid2"].(string)
	l.ReplID2 = decoded(id)
	return normalLineage(l)
}

func savedOffset(v any) (offset uint64) {
	switch n := v.(type) {
	case int64:
		offset = uint64(max(n, 0))
	case string:
		offset, _ = strconv.ParseUint(n, 10, 64)
	}
	return offset
}
