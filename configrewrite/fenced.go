package configrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// maxFenced bounds what a line may say: no group has so many Sentinels.
const maxFenced = 1 << 16

// fencedLine returns the line that says that this Sentinel has paused m, and how many
// Sentinels there were; "" for nothing. To the originals it is a comment, which they keep.
func fencedLine(m *monitor.MasterState) string {
	if m.Fenced == 0 {
		return ""
	}
	return ownMark + "fenced " + joinArgs(m.Name, strconv.Itoa(m.Fenced))
}

// fenced applies what follows the mark. A damaged line tells nothing.
func (p *parser) fenced(s statement) {
	if i, known := p.index[s.args[0]]; known {
		n, _ := strconv.Atoi(s.args[1])
		p.doc.State.Masters[i].Fenced = normalFenced(n)
	}
}

// normalFenced leaves out what no line is written for.
func normalFenced(n int) int {
	if n < 0 || n > maxFenced {
		return 0
	}
	return n
}

// renderFenced writes the number in the state part.
func renderFenced(b *strings.Builder, m *monitor.MasterState) {
	if m.Fenced != 0 {
		fmt.Fprintf(b, "fenced = %d\n", m.Fenced)
	}
}

// savedFenced reads it. A damaged one tells nothing.
func savedFenced(v any) int {
	n, _ := v.(int64)
	if n > maxFenced {
		return 0
	}
	return normalFenced(int(n))
}
