package report

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/svg"
)

// Page returns the page of a run. It asks for nothing from anywhere.
func Page(run check.Run, rep check.Report) ([]byte, error) {
	picture, err := check.Picture(run)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Verdict": rep.Verdict, "Schedule": run.Schedule, "Results": rep.Results,
		"Programs": strings.Join(Programs(run), ", "), "Faults": run.History.Faults,
		"Chart": template.HTML(chart(run)), "Timeline": Timeline(run), "Picture": string(picture), // the chart escapes what it is given
		"Figures": figures, "Servers": servers(run),
	})
	return b.Bytes(), err
}

// style has a colour for each server, so that it is seen at a glance who served whom.
const style = `
body { font: 14px system-ui, sans-serif; margin: 24px auto; max-width: 1240px; color: #24292f; background: #fff }
h1 { font-size: 20px } h2 { font-size: 16px; margin-top: 28px } table { border-collapse: collapse }
td, th { text-align: left; padding: 3px 10px 3px 0; vertical-align: top; border-bottom: 1px solid #d0d7de }
.valid { color: #1a7f37 } .invalid { color: #cf222e } .unknown { color: #9a6700 } .finding { color: #cf222e } .note { color: #57606a }
pre { font: 12px ui-monospace, monospace; overflow: auto; max-height: 480px; background: #f6f8fa; padding: 12px }
iframe { width: 100%; height: 420px; border: 1px solid #d0d7de; background: #fff } svg { max-width: 100%; height: auto }
.v0 { fill: #0969da } .v1 { fill: #bc4c00 } .v2 { fill: #8250df } .v3 { fill: #1a7f37 } .v4 { fill: #bf3989 } .v5 { fill: #57606a }
.fault { fill: #cf222e; fill-opacity: 0.1 } .failed { fill: #cf222e } .unclear { fill: #d4a72c } .replica { fill: #d0d7de } .late { fill: #000 }
.key { display: inline-block; width: 12px; height: 12px; margin: 0 4px 0 14px }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 } pre { background: #151b23 } td, th { border-color: #3d444d } .note { color: #9198a1 }
  .replica { fill: #3d444d } .late { fill: #fff } .valid { color: #3fb950 } .invalid, .finding { color: #ff7b72 } .unknown { color: #d29922 }
}
`

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) },
	"seen":    func(f history.Fault) string { return cmp.Or(f.Error, f.Seen, "nothing shows that it happened") },
	"join":    strings.Join,
	"figures": figures,
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Verdict}}: {{.Schedule.Mix}} {{.Schedule.Seed}}</title><style>` + style + `</style></head><body>
<h1><span class="{{.Verdict}}">{{.Verdict}}</span>: mix {{.Schedule.Mix}}, seed {{.Schedule.Seed}}</h1>
<p>{{.Schedule.Group.Servers}} servers; Sentinels: {{.Programs}}; quorum {{.Schedule.Group.Quorum}}, down-after {{.Schedule.Group.DownAfter.Of}}, failover-timeout {{.Schedule.Group.FailoverTimeout.Of}}.</p>
<h2>What happened</h2>
<p>{{range $i, $s := .Servers}}<svg class="key" viewBox="0 0 12 12"><rect class="v{{$i}}" width="12" height="12"/></svg>{{$s}}{{end}}
<svg class="key" viewBox="0 0 12 12"><rect class="failed" width="12" height="12"/></svg>refused
<svg class="key" viewBox="0 0 12 12"><rect class="unclear" width="12" height="12"/></svg>unclear
<svg class="key" viewBox="0 0 12 12"><rect class="fault" width="12" height="12"/></svg>a fault.
Of a client: by whom its writes were acknowledged. Of a server: when it said that it is a master (its colour) or a replica (grey). Of a Sentinel: whom it named, and the epochs in which it was elected.</p>
{{.Chart}}
<h2>Faults</h2>
<table>{{range .Faults}}<tr><td>{{seconds .Begin}}</td><td>{{seconds .End}}</td><td>{{.What}}</td><td>{{join .Targets " "}}</td><td>{{seen .}}</td></tr>
{{end}}</table>
<h2>Checks</h2>
<table>{{range .Results}}<tr><td class="{{.Verdict}}">{{.Verdict}}</td><td>{{.Name}}{{figures .Figures}}
{{range .Findings}}<div class="finding">{{.}}</div>{{end}}{{range .Notes}}<div class="note">{{.}}</div>{{end}}</td></tr>
{{end}}</table>
<h2>Masters of the configuration epochs, by porcupine</h2>
<iframe title="porcupine" sandbox="allow-scripts" srcdoc="{{.Picture}}"></iframe>
<h2>Timeline</h2>
<pre>{{.Timeline}}</pre>
</body></html>
`))

// servers returns the names of the servers, in the order of their colours.
func servers(run check.Run) (names []string) {
	for _, p := range run.History.Places {
		if p.Program == "" {
			names = append(names, p.Name)
		}
	}
	return names
}

// Measures of the chart, in pixels.
const (
	left, width = 110, 1100
	top         = 60
	lane        = 20
	bar         = 12
)

// canvas is a chart under construction: lanes over time.
type canvas struct {
	*svg.Drawing
	run    check.Run
	colour map[string]int // by the name of the server
	scale  float64        // pixels in a second
	y      float64        // of the present lane
}

// chart draws what clients, servers and Sentinels did, with the faults behind it.
func chart(run check.Run) string {
	end := 1.0
	for _, m := range run.History.Marks {
		end = max(end, m.At.Seconds())
	}
	clients := clientsOf(run)
	sentinels := sentinelsOf(run)
	all := servers(run)
	height := top + lane*(len(clients)+len(all)+len(sentinels)+3)
	c := &canvas{svg.New("", left+width+20, height), run, map[string]int{}, width / end, top}
	for i, s := range all {
		c.colour[s] = i % 6
	}
	c.faults(float64(height))
	c.axis(end, float64(height))
	for _, name := range clients {
		c.row(name, func() { c.client(name) })
	}
	c.y += lane / 2
	for _, name := range all {
		c.row(name, func() { c.server(name) })
	}
	c.y += lane / 2
	for _, name := range sentinels {
		c.row(name, func() { c.sentinel(name) })
	}
	c.y += lane / 2
	c.row("late", func() {
		for _, l := range run.History.Lates {
			c.rect("late", l.At-l.By, l.At, "this program was late")
		}
	})
	return c.String()
}

func clientsOf(run check.Run) []string {
	names := map[string]bool{}
	for _, o := range run.History.Ops {
		if o.Func == history.Add {
			names[o.Client] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func sentinelsOf(run check.Run) []string {
	names := map[string]bool{}
	for _, v := range run.History.Views {
		names[v.Sentinel] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (c *canvas) x(t time.Duration) float64 { return left + t.Seconds()*c.scale }

// row begins a lane with its name.
func (c *canvas) row(name string, draw func()) {
	c.Text(left-8, c.y+bar-2, "small", "end", name)
	draw()
	c.y += lane
}

// rect draws a time in the present lane, with words for who points at it.
func (c *canvas) rect(class string, from, to time.Duration, words string) {
	c.F(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%d"><title>%s</title></rect>`,
		class, c.x(from), c.y, max(1, c.x(to)-c.x(from)), bar, template.HTMLEscapeString(words))
}

// faults shades the time of each fault, and names it.
func (c *canvas) faults(height float64) {
	for i, f := range c.run.History.Faults {
		from, to := c.x(f.Begin), max(c.x(f.Begin)+2, c.x(f.End))
		c.F(`<rect class="fault" x="%.1f" y="%d" width="%.1f" height="%.1f"/>`, from, top-8, to-from, height-top)
		c.Text(from+2, float64(14+13*(i%4)), "small", "start", f.What+": "+strings.Join(f.Targets, " "))
	}
}

func (c *canvas) axis(end, height float64) {
	step := 1.0
	for end/step > 20 {
		step *= 5
	}
	for t := 0.0; t <= end; t += step {
		x := left + t*c.scale
		c.Line("grid", x, top-8, x, height-16, 1)
		c.Text(x, height-4, "small", "middle", fmt.Sprintf("%.0f s", t))
	}
}

// client draws by whom writes were acknowledged, and which were not.
func (c *canvas) client(name string) {
	var from, to time.Duration
	by := ""
	flush := func() {
		if by != "" {
			c.rect(by, from, to, fmt.Sprintf("%s: writes from %.3f s to %.3f s", name, from.Seconds(), to.Seconds()))
		}
	}
	for _, o := range c.run.History.Ops {
		if o.Client != name || o.Func != history.Add || o.Outcome != history.OK {
			continue
		}
		class := "v5" // behind a proxy nobody knows
		if i, known := c.colour[c.run.Name(o.Server)]; known {
			class = fmt.Sprintf("v%d", i)
		}
		if class != by || o.Return-to > 250*time.Millisecond {
			flush()
			by, from = class, o.Call
		}
		to = o.Return
	}
	flush()
	for _, o := range c.run.History.Ops {
		switch {
		case o.Client != name || o.Func != history.Add:
		case o.Outcome == history.Fail:
			c.rect("failed", o.Call, o.Call, o.Error)
		case o.Outcome == history.Unknown:
			c.rect("unclear", o.Call, o.Return, o.Error)
		}
	}
}

// silence is how long somebody may say nothing and still be thought to be as before.
const silence = time.Second

// server draws the role that a server had, as it said.
func (c *canvas) server(name string) {
	s := &said{canvas: c}
	for _, r := range c.run.History.Roles {
		if c.run.Name(r.Server) != name {
			continue
		}
		class := "replica"
		if r.Role == "master" {
			class = fmt.Sprintf("v%d", c.colour[name])
		}
		s.says(r.Return, class, strings.TrimSpace(name+" is a "+r.Role+" "+c.run.Name(r.Master)))
	}
	s.flush()
}

// sentinel draws whom a Sentinel named, and when it was elected.
func (c *canvas) sentinel(name string) {
	s := &said{canvas: c}
	for _, v := range c.run.History.Views {
		if v.Sentinel == name {
			s.says(v.Return, fmt.Sprintf("v%d", c.colour[c.run.Name(v.Master)]), fmt.Sprintf("%s names %s, epoch %d", name, c.run.Name(v.Master), v.Epoch))
		}
	}
	s.flush()
	epoch := ""
	for _, e := range c.run.History.Events {
		switch {
		case e.Sentinel != name || e.Logged:
		case e.Name == "+vote-for-leader":
			_, epoch, _ = strings.Cut(e.Text, " ")
		case e.Name == "+elected-leader":
			c.Line("grid", c.x(e.At), c.y-2, c.x(e.At), c.y+bar+2, 2)
			c.Text(c.x(e.At)+3, c.y+bar-2, "sub", "start", "elected, epoch "+epoch)
		}
	}
}

// said joins equal answers to times.
type said struct {
	*canvas
	from, to     time.Duration
	class, words string
}

func (s *said) says(at time.Duration, class, words string) {
	if words != s.words || at-s.to > silence {
		s.flush()
		s.from, s.class, s.words = at, class, words
	}
	s.to = at
}

func (s *said) flush() {
	if s.words != "" {
		s.rect(s.class, s.from, s.to, s.words)
	}
}
