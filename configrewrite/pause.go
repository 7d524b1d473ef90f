package configrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// pauseLine returns the line that says what an operator has said last about failovers
// of m; "" for nothing. To the originals it is a comment, which they keep.
func pauseLine(m *monitor.MasterState) string {
	p := normalPause(m.Pause)
	if p.Version == 0 {
		return ""
	}
	args := []string{m.Name, either(p.Resumed, "resumed", "paused"), strconv.FormatInt(p.Until, 10), strconv.FormatUint(p.Version, 10), string(p.By)}
	if p.Reason != "" {
		args = append(args, p.Reason)
	}
	return ownMark + "pause " + joinArgs(args...)
}

// pause applies what follows the mark. A damaged line tells nothing.
func (p *parser) pause(s statement) {
	i, known := p.index[s.args[0]]
	until, err1 := strconv.ParseInt(s.args[2], 10, 64)
	version, err2 := strconv.ParseUint(s.args[3], 10, 64)
	if !known || err1 != nil || err2 != nil {
		return
	}
	pause := monitor.FailoverPause{Version: version, By: monitor.RunID(s.args[4]), Until: until, Resumed: s.args[1] == "resumed"}
	if len(s.args) == 6 {
		pause.Reason = s.args[5]
	}
	p.doc.State.Masters[i].Pause = normalPause(pause)
}

// normalPause leaves out what no line is written for.
func normalPause(p monitor.FailoverPause) monitor.FailoverPause {
	if p.Version == 0 || p.Until <= 0 || valid.ID(string(p.By)) != nil || len(p.Reason) > monitor.MaxPauseReason || valid.Word(p.Reason) != nil {
		return monitor.FailoverPause{}
	}
	return p
}

// renderPause writes the table about m in the state part.
func renderPause(b *strings.Builder, m *monitor.MasterState) {
	p := normalPause(m.Pause)
	if p.Version == 0 {
		return
	}
	fmt.Fprintf(b, "pause = { until = %d, resumed = %t, version = %s, by = %s, reason = %s }\n",
		p.Until, p.Resumed, tomlNumber(p.Version), tomlString(string(p.By)), tomlString(p.Reason))
}

// savedPause reads that table. A damaged one tells nothing.
func savedPause(v any) monitor.FailoverPause {
	t, ok := v.(map[string]any)
	if !ok {
		return monitor.FailoverPause{}
	}
	p := monitor.FailoverPause{Version: savedOffset(t["version"])}
	p.Until, _ = t["until"].(int64)
	p.Resumed, _ = t["resumed"].(bool)
	by, _ := t["by"].(string)
	reason, _ := t["reason"].(string)
	p.By, p.Reason = monitor.RunID(decoded(by)), decoded(reason)
	return normalPause(p)
}
