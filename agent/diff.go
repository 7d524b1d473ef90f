package agent

import (
	"fmt"
	"strings"
)

const (
	// diffContext is how many equal lines stand around a change.
	diffContext = 3
	// maxDiffed bounds the lines in which a shortest diff is searched for, beginning and
	// end that are equal apart: the time grows with the product of both sides.
	maxDiffed = 2000
)

// unified returns what changes from one text to another, in the form of diff -u; ""
// for no change.
func unified(name string, from, to []byte) string {
	a, b := splitLines(string(from)), splitLines(string(to))
	var out strings.Builder
	edits := diffLines(a, b)
	for i := 0; i < len(edits); {
		if edits[i].sign == ' ' {
			i++
			continue
		}
		// A hunk goes on as long as the next change is near.
		begin, end := max(0, i-diffContext), i
		for j := i; j < len(edits) && j <= end+2*diffContext; j++ {
			if edits[j].sign != ' ' {
				end = j
			}
		}
		end = min(len(edits), end+1+diffContext)
		hunk(&out, edits, begin, end)
		i = end
	}
	if out.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("--- %s\n+++ %s\n%s", name, name, out.String())
}

// edit is a line that stays (' '), goes ('-') or comes ('+').
type edit struct {
	sign byte
	line string
}

func hunk(out *strings.Builder, edits []edit, begin, end int) {
	fromLine, toLine, froms, tos := 1, 1, 0, 0
	for i, e := range edits[:end] {
		from, to := &fromLine, &toLine
		if i >= begin {
			from, to = &froms, &tos
		}
		if e.sign != '+' {
			*from++
		}
		if e.sign != '-' {
			*to++
		}
	}
	if froms == 0 {
		fromLine--
	}
	if tos == 0 {
		toLine--
	}
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n", fromLine, froms, toLine, tos)
	for _, e := range edits[begin:end] {
		fmt.Fprintf(out, "%c%s\n", e.sign, strings.TrimSuffix(e.line, "\n"))
		if !strings.HasSuffix(e.line, "\n") {
			out.WriteString("\\ No newline at end of file\n")
		}
	}
}

func splitLines(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// diffLines returns a shortest way from a to b. Of long texts that differ
// everywhere, it says that all lines go and all come.
func diffLines(a, b []string) (edits []edit) {
	head, tail := 0, 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add := func(sign byte, lines []string) {
		for _, l := range lines {
			edits = append(edits, edit{sign, l})
		}
	}
	add(' ', a[:head])
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x) > maxDiffed || len(y) > maxDiffed {
		add('-', x)
		add('+', y)
	} else {
		edits = append(edits, shortest(x, y)...)
	}
	add(' ', a[len(a)-tail:])
	return edits
}

// shortest follows a longest common subsequence.
func shortest(a, b []string) (edits []edit) {
	width := len(b) + 1
	common := make([]int16, (len(a)+1)*width) // of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[(i+1)*width+j] >= common[i*width+j+1]:
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	return edits
}
