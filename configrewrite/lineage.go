package configrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// lineageMark begins the line of a sentinel.conf that says what a master had when it
// was last heard. To the originals it is a comment, which they keep.
const lineageMark = "# gosentinel lineage "

// lineageStatement is how that line is queued among the "sentinel" lines.
const lineageStatement = "#lineage"

// lineageLine returns the line about m, "" when it was never heard.
func lineageLine(m *monitor.MasterState) string {
	l := &m.Lineage
	if !l.Heard {
		return ""
	}
	id := l.ReplID
	if id == "" {
		id = "-"
	}
	return lineageMark + joinArgs(m.Name, id, strconv.FormatUint(l.Offset, 10), either(l.Keys, "keys", "empty"), either(l.Persistent, "disk", "memory"))
}

func either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// lineageArgs splits such a line; false for any other comment, and for one that was
// damaged: it tells nothing then, as if the master had never been heard.
func lineageArgs(line string) (args []string, ok bool) {
	rest, ok := strings.CutPrefix(line, lineageMark)
	if !ok {
		return nil, false
	}
	args, err := splitArgs(rest)
	return args, err == nil && len(args) == 5
}

// lineage applies what follows the mark.
func (p *parser) lineage(s statement) {
	i, known := p.index[s.args[0]]
	offset, err := strconv.ParseUint(s.args[2], 10, 64)
	if known && err == nil {
		p.doc.State.Masters[i].Lineage = normalLineage(monitor.Lineage{
			Heard: true, ReplID: s.args[1], Offset: offset, Keys: s.args[3] == "keys", Persistent: s.args[4] == "disk",
		})
	}
}

// renderLineage writes the table about m in the state part, if it was heard.
func renderLineage(b *strings.Builder, m *monitor.MasterState) {
	if l := &m.Lineage; l.Heard {
		fmt.Fprintf(b, "lineage = { replid = %s, offset = %s, keys = %t, persistent = %t }\n",
			tomlString(l.ReplID), tomlNumber(l.Offset), l.Keys, l.Persistent)
	}
}

// savedLineage reads that table. A damaged one tells nothing.
func savedLineage(v any) monitor.Lineage {
	t, ok := v.(map[string]any)
	if !ok {
		return monitor.Lineage{}
	}
	l := monitor.Lineage{Heard: true}
	switch n := t["offset"].(type) {
	case int64:
		l.Offset = uint64(max(n, 0))
	case string:
		l.Offset, _ = strconv.ParseUint(n, 10, 64)
	}
	l.Keys, _ = t["keys"].(bool)
	l.Persistent, _ = t["persistent"].(bool)
	id, _ := t["replid"].(string)
	l.ReplID = decoded(id)
	return normalLineage(l)
}
