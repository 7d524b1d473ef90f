package compare

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const docs = "../../../docs"

// few are results of two seeds of two subjects.
func few(t *testing.T, parallel int) *Results {
	t.Helper()
	r := &Results{first: 3, seeds: 2, singles: singles("crash-master"), mixed: mixed("net")}
	if err := r.Play(t.Context(), parallel, func(int, int, string) {}); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSameBytes plays the same seeds one after the other and several at once.
func TestSameBytes(t *testing.T) {
	a, b := few(t, 1), few(t, 3)
	if a.Page() != b.Page() {
		t.Errorf("two pages:\n%s\n%s", a.Page(), b.Page())
	}
	if a.Tables() != b.Tables() {
		t.Errorf("two sets of tables:\n%s\n%s", a.Tables(), b.Tables())
	}
	if chart("x", timePanels, a.singles) != chart("x", timePanels, b.singles) || chart("x", damagePanels, a.singles) != chart("x", damagePanels, b.singles) {
		t.Error("two pictures")
	}
}

// TestDocumentation compares what the documentation holds with what would be
// written now: the same headings, headers, rows and pictures. Figures may differ,
// because they are those of many more seeds.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	_, generated, _, err := divide(string(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Results{first: 1, seeds: 1, singles: singles(""), mixed: mixed("")} // figures do not matter
	tables, err := os.ReadFile(filepath.Join(docs, tablesFile))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(tables), "## One fault: what it costs")
	for _, s := range r.singles { // the first table has only rows with failovers, of which one seed may have none
		s.sides[ours].failovers, s.sides[stock].failovers = strings.Count(first, "| "+s.text+" | "), 0
	}
	if got, want := skeleton(generated), skeleton(r.Page()); got != want {
		t.Errorf("%s is out of date: run make sim-stats\nit has:\n%s\nwould be:\n%s", pageFile, got, want)
	}
	if got, want := skeleton(string(tables)), skeleton(r.Tables()); got != want {
		t.Errorf("%s is out of date: run make sim-stats\nit has:\n%s\nwould be:\n%s", tablesFile, got, want)
	}
	for file, panels := range map[string][]panel{timesFile: timePanels, damageFile: damagePanels} {
		text, err := os.ReadFile(filepath.Join(docs, "img", file))
		if err != nil {
			t.Error(err)
			continue
		}
		wellFormed(t, file, string(text))
		for _, p := range panels {
			if !strings.Contains(string(text), ">"+p.title+"<") {
				t.Errorf("%s is out of date: there is no %q", file, p.title)
			}
		}
	}
}

// skeleton leaves out all figures: numbers, and in the rows of tables the cells
// behind those that name them.
func skeleton(page string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(page), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 && slices.Contains(sideNames[:], strings.TrimSpace(cells[2])) {
			line = cells[1] + "|" + cells[2] + "|" + strconv.Itoa(len(cells))
		} else if len(cells) > 3 && strings.Contains(cells[2], pairMark) {
			line = cells[1] + "|" + strconv.Itoa(len(cells))
		} else if !strings.HasPrefix(line, "|") {
			line = regexp.MustCompile(`[0-9]+`).ReplaceAllString(line, "#")
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// wellFormed parses a picture and checks that all of it lies inside.
func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	limit := map[string]float64{}
	drawn := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			v, err := strconv.ParseFloat(a.Value, 64)
			switch a.Name.Local {
			case "width", "height":
				if e.Name.Local == "svg" {
					limit[a.Name.Local[:1]] = v
				}
			case "x", "x1", "x2", "cx", "y", "y1", "y2", "cy":
				drawn++
				side := map[bool]string{true: "w", false: "h"}[strings.Contains(a.Name.Local, "x")]
				if err != nil || math.IsNaN(v) || v < 0 || v > limit[side] {
					t.Errorf("%s: %s=%q of a %s lies outside", name, a.Name.Local, a.Value, e.Name.Local)
				}
			}
		}
	}
	if drawn < 50 {
		t.Errorf("%s: only %d coordinates", name, drawn)
	}
}

func TestChart(t *testing.T) {
	extreme := &subject{name: "x", text: `a <b> & "c"`}
	extreme.sides[ours] = outcome{odown: sample{-5, 0, 1e-9, 3}, promotion: sample{1e12, never}, convergence: sample{never}, lost: sample{0}, split: sample{0, 1e12}}
	for title, panels := range map[string][]panel{"times": timePanels, "damage": damagePanels} {
		text := chart(title, panels, []*subject{extreme, extreme})
		wellFormed(t, title, text)
	}
}

func TestQuantiles(t *testing.T) {
	s := make(sample, 0, 200)
	for k := range 200 {
		s = append(s, float64(k+1))
	}
	for q, want := range map[float64]float64{0: 1, 0.05: 10, 0.5: 100, 0.99: 198, 1: 200} {
		if got := s.quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := (sample{7}).quantile(0.99); got != 7 {
		t.Errorf("a quantile of one is %v", got)
	}
	for v, want := range map[float64]string{0: "0 ms", -0.2: "0 ms", 999.4: "999 ms", 999.6: "1.00 s", 9994: "9.99 s", 9996: "10.0 s", 123456: "123 s", never: "> 40 s"} {
		if got := duration(v); got != want {
			t.Errorf("duration(%v) is %q, want %q", v, got, want)
		}
	}
}

// TestOutcome adds up what did and what did not happen.
func TestOutcome(t *testing.T) {
	const ms = 1e6
	var o outcome
	o.add(sim.Measurement{Disorder: "something", Incidents: []sim.Incident{
		{DownAfter: 1000 * ms, ODown: 1010 * ms, Promotion: 1050 * ms},                       // does not converge
		{DownAfter: 1000 * ms, Promotion: 70 * ms, Convergence: 90 * ms},                     // ordered
		{DownAfter: 1000 * ms, ODown: 1500 * ms, Promotion: 60 * ms, Convergence: 2000 * ms}, // ordered, and down later
		{DownAfter: 1000 * ms, Convergence: 300 * ms},                                        // no failover
	}})
	o.sort()
	if o.incidents != 4 || o.failovers != 3 || o.disorder != 1 {
		t.Errorf("%d incidents, %d failovers, %d in disorder", o.incidents, o.failovers, o.disorder)
	}
	for name, c := range map[string][2]sample{
		"+odown":      {o.odown, {10}},
		"promotion":   {o.promotion, {50, 60, 70}},
		"convergence": {o.convergence, {90, 2000, never}},
		"whole":       {o.whole, {60, 70, 1050}},
	} {
		if !slices.Equal(c[0], c[1]) {
			t.Errorf("%s: %v, want %v", name, c[0], c[1])
		}
	}
}

// TestSubjects: every row can be drawn, and takes a master out of service.
func TestSubjects(t *testing.T) {
	for _, s := range append(singles(""), mixed("")...) {
		if err := s.draw(1).Validate(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if err := s.draw(1).Stocked().Validate(); err != nil {
			t.Errorf("%s with stock Sentinels: %v", s.name, err)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, pageFile)
	r := few(t, 2)
	if err := r.Write(dir); err == nil {
		t.Error("nothing is missing without a page")
	}
	if err := os.WriteFile(name, []byte("before\n"+beginMark+"old\n"+endMark+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(name)
		if tables, _ := os.ReadFile(filepath.Join(dir, tablesFile)); string(tables) != r.Tables() {
			t.Errorf("the tables are\n%s\nwant\n%s", tables, r.Tables())
		}
		if want := "before\n" + beginMark + "\n" + r.Page() + "\n" + endMark + "after\n"; string(text) != want {
			t.Errorf("got\n%s\nwant\n%s", text, want)
		}
	}
	if err := os.WriteFile(name, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(dir); err == nil || !strings.Contains(err.Error(), "no generated part") {
		t.Errorf("a page without marks gives %v", err)
	}
}
