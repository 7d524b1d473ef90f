package configrewrite

import (
	"bytes"
	"errors"
	"strings"
)

// checkWhole finds signs that a configuration file lost its end, or all of its
// content, for example when a disk was full under another program. A Sentinel
// that started from such a file would forget which epochs it has voted in and
// might vote in one of them again.
//
// Only what a Sentinel has written can be judged: it always ends with a line
// feed and holds the current epoch whenever it holds an identity.
func checkWhole(path string, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return loadError(path, errors.New("the file is empty"),
			"restore it if it ever had content; to start a new Sentinel without masters, write a comment line into it")
	}
	if err := checkEncoding(path, text); err != nil {
		return err
	}
	if FormatOf(path) != FormatConf || !bytes.Contains(text, []byte(generatedMarker)) {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if isNumberedState(last) {
		return &Error{Problems: []Problem{{
			File: path, Line: len(lines), Text: Masked(last), Message: "the file ends within a line that a Sentinel wrote, so the number may be cut",
			Hint: "restore the file from a copy; if you know that the number is whole, end the line with a line feed",
		}}}
	}
	if hasStatement(lines, "myid") && !hasStatement(lines, "current-epoch") {
		return loadError(path, errors.New("the file holds the identity of a Sentinel but not its current-epoch, so its end is missing"),
			"restore the file from a copy; to start as a new Sentinel, remove the line 'sentinel myid' and everything below '"+generatedMarker+"'")
	}
	return nil
}

// isNumberedState reports whether a line ends in a number whose loss matters.
func isNumberedState(line string) bool {
	for _, directive := range []string{"current-epoch", "leader-epoch", "config-epoch"} {
		if hasStatement([]string{line}, directive) {
			return true
		}
	}
	return false
}

func hasStatement(lines []string, directive string) bool {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) > 1 && strings.EqualFold(words[0], "sentinel") && strings.EqualFold(words[1], directive) {
			return true
		}
	}
	return false
}
