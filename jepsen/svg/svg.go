package svg

import (
	"fmt"
	"html"
	"strings"
)

// style has classes for text and lines: "s0" and on are the colours of what is compared.
const style = `
  .bg { fill: #ffffff } text { fill: #24292f; font: 12px system-ui, sans-serif }
  .title { font-size: 15px; font-weight: 600 } .sub { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 } .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 }
  .band { fill: #f6f8fa } .dot { stroke: #ffffff; stroke-width: 1.2 } line { stroke-linecap: round }
  @media (prefers-color-scheme: dark) {
    .bg { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #30363d } .band { fill: #151b23 }
    .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e } .dot { stroke: #0d1117 }
  }
`

// Drawing is a picture under construction. Sizes are in pixels.
type Drawing struct{ b strings.Builder }

// New returns a picture with a background and a title.
func New(title string, width, height int) *Drawing {
	d := &Drawing{}
	d.F(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`, width, height)
	d.F("<title>%s</title>\n<style>%s</style>", html.EscapeString(title), style)
	d.F(`<rect class="bg" width="%d" height="%d"/>`, width, height)
	d.Text(16, 26, "title", "start", title)
	return d
}

// F adds an element as it stands.
func (d *Drawing) F(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// Text adds words; anchor is "start", "middle" or "end".
func (d *Drawing) Text(x, y float64, class, anchor, text string) {
	d.F(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(text))
}

// Line adds a straight line.
func (d *Drawing) Line(class string, x1, y1, x2, y2, width float64) {
	d.F(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke-width="%.1f"/>`, class, x1, y1, x2, y2, width)
}

// Dot adds a dot.
func (d *Drawing) Dot(class string, x, y float64) {
	d.F(`<circle class="%s dot" cx="%.1f" cy="%.1f" r="4.5"/>`, class, x, y)
}

// String ends the picture and returns it.
func (d *Drawing) String() string { return d.b.String() + "</svg>\n" }
