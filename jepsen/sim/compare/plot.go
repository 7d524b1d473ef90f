package compare

import (
	"fmt"
	"math"

	"github.com/gosentinel/sentinel/jepsen/svg"
)

// This file draws distributions.

// panel is one chart: for every subject a strip for each side, from the 5 % to
// the 95 % quantile, thick between the quartiles, with a dot at the median.
type panel struct {
	title string
	of    func(*outcome) sample
	ticks []tick // in ascending order; the axis is logarithmic
	zero  string // label of a place for 0, left of the axis; "" when there is none
	never string // label of a place for what did not happen, right of it
}

type tick struct {
	value float64
	label string
}

func (p *panel) low() float64  { return p.ticks[0].value }
func (p *panel) high() float64 { return p.ticks[len(p.ticks)-1].value }

var timeTicks = []tick{{1, "1 ms"}, {10, "10 ms"}, {100, "0.1 s"}, {1e3, "1 s"}, {1e4, "10 s"}, {4e4, ""}} // the last one is sim.Aftermath

var timePanels = []panel{
	{title: "to +odown", of: func(o *outcome) sample { return o.odown }, ticks: timeTicks, never: "never"},
	{title: "to promotion", of: func(o *outcome) sample { return o.promotion }, ticks: timeTicks, never: "never"},
	{title: "to convergence", of: func(o *outcome) sample { return o.convergence }, ticks: timeTicks, never: "never"},
}

var damagePanels = []panel{
	{title: "lost writes in a run", of: func(o *outcome) sample { return o.lost },
		ticks: []tick{{1, "1"}, {10, "10"}, {100, "100"}, {1e3, "1000"}}, zero: "none"},
	{title: "time with two masters in a run", of: func(o *outcome) sample { return o.split },
		ticks: []tick{{10, "10 ms"}, {100, "0.1 s"}, {1e3, "1 s"}, {1e4, "10 s"}, {1e5, "100 s"}}, zero: "none"},
}

// Sizes in pixels.
const (
	svgWidth   = 960
	labelWidth = 186
	rightPad   = 26
	panelGap   = 34
	margin     = 34 // beside the axis, for zero or never
	topHeight  = 84
	rowHeight  = 30
	stripLift  = 5.5 // of a strip from the middle of its row
)

// chart draws panels side by side over common rows.
func chart(title string, panels []panel, subjects []*subject) string {
	height := topHeight + rowHeight*len(subjects) + 34
	s := svg.New(title, svgWidth, height)
	legend(s)
	for k, row := range subjects {
		y := float64(topHeight + rowHeight*k)
		if k%2 == 0 {
			s.F(`<rect class="band" x="0" y="%.1f" width="%d" height="%d"/>`, y, svgWidth, rowHeight)
		}
		s.Text(labelWidth-8, y+rowHeight/2+4, "label", "end", row.text)
	}
	width := float64(svgWidth-labelWidth-rightPad-panelGap*(len(panels)-1)) / float64(len(panels))
	for k := range panels {
		a := axis{&panels[k], labelWidth + float64(k)*(width+panelGap), width}
		a.draw(s, len(subjects))
		for r, row := range subjects {
			for side := range row.sides {
				y := float64(topHeight+rowHeight*r) + rowHeight/2 + stripLift*float64(2*side-1)
				a.strip(s, side, y, a.panel.of(&row.sides[side]))
			}
		}
	}
	return s.String()
}

func legend(s *svg.Drawing) {
	x := 16.0
	for side, name := range sideNames {
		class := fmt.Sprintf("s%d", side)
		s.Line(class, x, 46, x+34, 46, 1.5)
		s.Line(class, x+9, 46, x+25, 46, 6)
		s.Dot(class, x+17, 46)
		s.Text(x+42, 50, "label", "start", name)
		x += 56 + 8*float64(len(name))
	}
	s.Text(x+10, 50, "small", "start", "dot: median · thick: half of all · thin: 5 % to 95 % · logarithmic scale")
}

// axis places values in a panel.
type axis struct {
	panel    *panel
	x, width float64
}

func (a *axis) place(v float64) float64 {
	left, right := a.x, a.x+a.width
	if a.panel.zero != "" {
		left += margin
	}
	if a.panel.never != "" {
		right -= margin
	}
	switch {
	case math.IsInf(v, 1):
		return a.x + a.width
	case v <= 0 && a.panel.zero != "":
		return a.x
	}
	low, high := a.panel.low(), a.panel.high()
	v = min(max(v, low), high)
	return left + (right-left)*math.Log(v/low)/math.Log(high/low)
}

func (a *axis) draw(s *svg.Drawing, rows int) {
	bottom := float64(topHeight + rowHeight*rows)
	s.Text(a.x+a.width/2, topHeight-10, "sub", "middle", a.panel.title)
	mark := func(x float64, label string) {
		s.Line("grid", x, topHeight, x, bottom+4, 1)
		s.Text(x, bottom+18, "small", "middle", label)
	}
	for _, t := range a.panel.ticks {
		if t.label != "" {
			mark(a.place(t.value), t.label)
		}
	}
	if a.panel.zero != "" {
		mark(a.place(0), a.panel.zero)
	}
	if a.panel.never != "" {
		mark(a.place(never), a.panel.never)
	}
}

func (a *axis) strip(s *svg.Drawing, side int, y float64, v sample) {
	if len(v) == 0 {
		return
	}
	at := func(q float64) float64 { return a.place(v.quantile(q)) }
	class := fmt.Sprintf("s%d", side)
	s.Line(class, at(0.05), y, at(0.95), y, 1.5)
	s.Line(class, at(0.25), y, at(0.75), y, 6)
	s.Dot(class, at(0.5), y)
}
