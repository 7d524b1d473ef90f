package configrewrite

import (
	"slices"
	"strings"
)

// ownMark begins the lines of a sentinel.conf that hold what the originals have no
// directive for. They take them for comments, and keep them.
const ownMark = "# gosentinel "

// ownDirectives are the first words after the mark, with the numbers of words that may
// follow.
var ownDirectives = map[string][]int{"lineage": {5, 7}, "pause": {5, 6}, "fenced": {2}, "run-id": {2}, "ex-master": {7}, "forgotten": {6}}

// ownLine splits such a line; false for any other comment, and for one that was damaged:
// it tells nothing then.
func ownLine(line string) (directive string, args []string, ok bool) {
	rest, ok := strings.CutPrefix(line, ownMark)
	if !ok {
		return "", nil, false
	}
	directive, rest, _ = strings.Cut(rest, " ")
	args, err := splitArgs(rest)
	return directive, args, err == nil && slices.Contains(ownDirectives[directive], len(args))
}

// ownStatement is how such a line is queued among the "sentinel" lines.
func ownStatement(directive string) string { return "#" + directive }
