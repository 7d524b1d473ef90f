package configrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// formerLines returns the lines about the process of the master and about its predecessors.
// To the originals they are comments, which they keep.
func formerLines(m *monitor.MasterState) (runID string, former []string) {
	if id := normalRunID(m.RunID); id != "" {
		runID = ownMark + "run-id " + joinArgs(m.Name, string(id))
	}
	for _, e := range normalFormer(m.ExMasters) {
		former = append(former, ownMark+"ex-master "+joinArgs(m.Name, e.At.Host, strconv.Itoa(e.At.Port), strconv.FormatInt(e.Lost, 10),
			dash(string(e.RunID)), dash(e.History), either(e.Modules, "modules", "plain")))
	}
	return runID, former
}

// dash stands for what is not known.
func dash(text string) string { return either(text == "", "-", text) }

// runID applies what follows the mark. A damaged line tells nothing.
func (p *parser) runID(s statement) {
	if i, known := p.index[s.args[0]]; known {
		p.doc.State.Masters[i].RunID = normalRunID(monitor.RunID(s.args[1]))
	}
}

// exMaster applies what follows the mark. A damaged line tells nothing.
func (p *parser) exMaster(s statement) {
	i, known := p.index[s.args[0]]
	port, err1 := strconv.Atoi(s.args[2])
	lost, err2 := strconv.ParseInt(s.args[3], 10, 64)
	if !known || err1 != nil || err2 != nil {
		return
	}
	m := p.doc.State.Masters[i]
	m.ExMasters = normalFormer(append(m.ExMasters, monitor.ExMaster{
		At: monitor.HostPort{Host: s.args[1], Port: port}, Lost: lost,
		RunID: monitor.RunID(s.args[4]), History: s.args[5], Modules: s.args[6] == "modules",
	}))
}

// normalRunID leaves out what no line is written for.
func normalRunID(id monitor.RunID) monitor.RunID {
	if valid.ID(string(id)) != nil {
		return ""
	}
	return id
}

// normalFormer leaves out what no line is written for.
func normalFormer(list []monitor.ExMaster) (kept []monitor.ExMaster) {
	for _, e := range list {
		if valid.Host(e.At.Host) != nil || e.At.Port < 1 || e.At.Port > maxPort || len(kept) == monitor.MaxExMasters {
			continue
		}
		if valid.ID(e.History) != nil {
			e.History = ""
		}
		e.RunID, e.Lost = normalRunID(e.RunID), max(e.Lost, 0)
		kept = append(kept, e)
	}
	return kept
}

// renderFormer writes the same about m in the state part.
func renderFormer(b *strings.Builder, m *monitor.MasterState) {
	if id := normalRunID(m.RunID); id != "" {
		fmt.Fprintf(b, "run-id = %s\n", tomlString(string(id)))
	}
	former := normalFormer(m.ExMasters)
	if len(former) == 0 {
		return
	}
	b.WriteString("ex-masters = [")
	for _, e := range former {
		fmt.Fprintf(b, "\n  { host = %s, port = %d, lost = %d, run-id = %s, replid = %s, modules = %t },",
			tomlString(e.At.Host), e.At.Port, e.Lost, tomlString(string(e.RunID)), tomlString(e.History), e.Modules)
	}
	b.WriteString(endOfList(len(former)))
}

// savedFormer reads that. What is damaged tells nothing.
func savedFormer(runID, former any) (id monitor.RunID, list []monitor.ExMaster) {
	text, _ := runID.(string)
	entries, _ := tables(former)
	for _, t := range entries {
		e := monitor.ExMaster{}
		host, _ := t["host"].(string)
		port, _ := t["port"].(int64)
		process, _ := t["run-id"].(string)
		history, _ := t["replid"].(string)
		e.Lost, _ = t["lost"].(int64)
		e.Modules, _ = t["modules"].(bool)
		e.At = monitor.HostPort{Host: decoded(host), Port: int(min(max(port, 0), maxPort))}
		e.RunID, e.History = monitor.RunID(decoded(process)), decoded(history)
		list = append(list, e)
	}
	return normalRunID(monitor.RunID(decoded(text))), normalFormer(list)
}
