package console

import (
	"bytes"
	_ "embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"time"

	"github.com/gosentinel/sentinel/internal/web"
	"github.com/gosentinel/sentinel/journal"
)

const (
	pageGroups = 250 // on one page
	unfolded   = 6   // up to so many groups are shown in full although all is well
	mentioned  = 30  // problems that are listed at the top
)

//go:embed page.html
var pageText string

var pageParts = template.Must(template.New("page").Funcs(template.FuncMap{
	"id": partID, "short": short, "size": size, "seconds": seconds,
	"clock": func(t, now time.Time) string { return clock(t, now) },
	"plus":  func(a, b int) int { return a + b },
}).Parse(pageText))

// partID returns the id of the part of a page about a group.
func partID(name string) string {
	h := fnv.New64a()
	h.Write([]byte(name))
	return fmt.Sprintf("g%x", h.Sum64())
}

// seconds is a duration for people.
func seconds(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// groupView is what the part about a group is made of.
type groupView struct {
	*Group
	Now   time.Time
	Open  bool // unfolded
	Grave bool // has a grave problem
	Self  string
	Steps []step
}

// step is a phase of an attempt that goes on.
type step struct {
	Name    string
	Took    time.Duration
	Current bool
}

// page makes a page of a status.
func (st *Status) page(number int) (web.Page, error) {
	pages := max(1, (len(st.Groups)+pageGroups-1)/pageGroups)
	if number > pages {
		return web.Page{}, web.ErrNoPage
	}
	p := web.Page{Title: st.title()}
	add := func(id, name string, data any) error {
		var b bytes.Buffer
		if err := pageParts.ExecuteTemplate(&b, name, data); err != nil {
			return err
		}
		p.Parts = append(p.Parts, web.Part{ID: id, HTML: template.HTML(b.String())})
		return nil
	}
	if err := add("top", "top", st.top(number, pages)); err != nil {
		return p, err
	}
	first := (number - 1) * pageGroups
	for k := first; k < min(first+pageGroups, len(st.Groups)); k++ {
		v := st.view(&st.Groups[k])
		if err := add(partID(v.Name), "group", v); err != nil {
			return p, err
		}
	}
	return p, add("about", "about", st)
}

// title says in a few words how things are.
func (st *Status) title() string {
	grave := 0
	for _, p := range st.Problems {
		if p.Grave {
			grave++
		}
	}
	switch n := len(st.Problems); {
	case n == 0 && len(st.Groups) == 1:
		return "All is well: " + st.Groups[0].Name
	case n == 0:
		return fmt.Sprintf("All is well: %d groups", len(st.Groups))
	case grave == n:
		return counted(grave, "grave problem")
	case grave > 0:
		return counted(grave, "grave problem") + ", " + counted(n-grave, "warning")
	default:
		return counted(n, "warning")
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (st *Status) top(number, pages int) map[string]any {
	problems := make([]map[string]any, 0, min(len(st.Problems), mentioned))
	on := map[string]int{}
	for k := range st.Groups {
		on[st.Groups[k].Name] = 1 + k/pageGroups
	}
	// The grave ones first, each in the order of the groups.
	for _, grave := range []bool{true, false} {
		for _, p := range st.Problems {
			if p.Grave == grave && len(problems) < mentioned {
				problems = append(problems, map[string]any{"Problem": p, "Page": on[p.Group], "Here": on[p.Group] == number})
			}
		}
	}
	numbers := make([]int, pages)
	for k := range numbers {
		numbers[k] = k + 1
	}
	return map[string]any{"Status": st, "Title": st.title(), "Problems": problems, "More": len(st.Problems) - len(problems), "Number": number, "Pages": numbers}
}

func (st *Status) view(g *Group) *groupView {
	v := &groupView{Group: g, Now: st.Now, Self: st.ID, Open: len(g.Problems) > 0 || g.Attempt != nil || len(st.Groups) <= unfolded}
	for _, p := range g.Problems {
		v.Grave = v.Grave || p.Grave
	}
	if g.Attempt != nil {
		v.Steps = steps(g.Attempt)
	}
	return v
}

func steps(r *journal.Report) []step {
	list := make([]step, len(r.Phases))
	for k, p := range r.Phases {
		list[k] = step{p.Name, p.Took, k == len(r.Phases)-1 && p.Took == 0}
	}
	return list
}
