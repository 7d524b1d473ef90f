package scale

import (
	"fmt"
	"math"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/svg"
)

// plot is a picture for the document.
type plot struct{ title, file, text string }

// plots returns the pictures for which there are results.
func (r *Results) plots() (list []plot) {
	for _, over := range []struct {
		nth         int
		title, file string
	}{
		{0, "CPU over masters with a replica each, ms/min", "bench-cpu.svg"},
		{1, "Memory over masters with a replica each, MiB", "bench-memory.svg"},
	} {
		if lines := r.overMasters(over.nth); len(lines) > 0 {
			list = append(list, plot{over.title, over.file, drawLines(over.title, lines)})
		}
	}
	for _, name := range []string{"kill", "stop"} {
		if m, ok := r.named(name); ok {
			title := fmt.Sprintf("SIG%s of the master: steps of a failover, ms beyond down-after", strings.ToUpper(name))
			list = append(list, plot{title, "bench-" + name + ".svg", drawTimelines(title, m)})
		}
	}
	return list
}

// line is one program in a plot.
type line struct {
	name string
	x, y []float64
}

// overMasters returns a figure of the rows that differ in the number of masters.
func (r *Results) overMasters(nth int) (lines []line) {
	for _, program := range r.programs() {
		l := line{name: program}
		for _, row := range Rows {
			m, ok := r.named(row.Name)
			if !ok || row.Masters == 0 {
				continue
			}
			for _, s := range m.Sides {
				if s.Program == program {
					l.x, l.y = append(l.x, float64(row.Masters)), append(l.y, median(s.Values[nth]))
				}
			}
		}
		if len(l.x) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// Measures of the pictures, in pixels.
const (
	width, height            = 720, 360
	left, right, top, bottom = 110, 130, 50, 50
)

// drawLines draws y over x.
func drawLines(title string, lines []line) string {
	mostX, mostY := 0.0, 0.0
	for _, l := range lines {
		for i := range l.x {
			mostX, mostY = max(mostX, l.x[i]), max(mostY, l.y[i])
		}
	}
	c := svg.New(title, width, height)
	px := func(x float64) float64 { return left + x/mostX*(width-left-right) }
	py := func(y float64) float64 { return height - bottom - y/mostY*(height-top-bottom) }
	for _, y := range ticks(mostY) {
		c.Line("grid", left, py(y), width-right, py(y), 1)
		c.Text(left-8, py(y)+4, "small", "end", number(y))
	}
	for _, x := range ticks(mostX) {
		c.Text(px(x), height-bottom+18, "small", "middle", number(x))
	}
	for k, l := range lines {
		class := fmt.Sprintf("s%d", k)
		for i := range l.x {
			if i > 0 {
				c.Line(class, px(l.x[i-1]), py(l.y[i-1]), px(l.x[i]), py(l.y[i]), 1.5)
			}
			c.Dot(class, px(l.x[i]), py(l.y[i]))
		}
		last := len(l.x) - 1
		c.Text(px(l.x[last])+8, py(l.y[last])+4, "label", "start", l.name)
	}
	return c.String()
}

// drawTimelines draws for each program when the steps of a failover came. Each has a line
// of its own, with the names of steps above and below in turn.
func drawTimelines(title string, m Measured) string {
	row, _ := rowNamed(m.Name)
	most := 0.0
	for _, s := range m.Sides {
		for _, v := range s.Values {
			most = max(most, median(v))
		}
	}
	const each = 100
	c := svg.New(title, width, top+each*len(m.Sides)+bottom)
	px := func(x float64) float64 { return left + max(0, x)/most*(width-left-right) }
	for k, s := range m.Sides {
		class, y := fmt.Sprintf("s%d", k), float64(top+each*k+each/2)
		c.Line("grid", left, y, width-right, y, 1)
		c.Text(left-8, y+4, "label", "end", s.Program)
		for i, v := range s.Values {
			x, at := median(v), y-12-13*float64(i%2)
			if i%4 > 1 {
				at = y + 20 + 13*float64(i%2)
			}
			c.Dot(class, px(x), y)
			c.Text(px(x), at, "small", "start", row.Figures[i].Name+" "+number(x))
		}
	}
	return c.String()
}

// ticks returns up to eleven round numbers from 0 to most.
func ticks(most float64) (at []float64) {
	if most <= 0 {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for most/step < 5 {
		step /= 2
	}
	for x := 0.0; x <= most*1.0001; x += step {
		at = append(at, x)
	}
	return at
}
