package atomicfile

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"
)

// A file that is written in place holds its new content twice for a moment:
//
//	old content, or a part of it and a part of the new
//	empty lines
//	#>gosentinel-writes-this-file…
//	#>bmV3IGNvbnRlbnQ=…
//	#>end:begin=812,length=790,crc32=89abcdef
//
// The lines that begin with "#>" are the copy. It is durable before the first
// byte of the old content changes, and cut off when the new content is durable.
// So each power cut leaves either the old content and a part of a copy, or the
// whole copy. No line of a copy has a blank in it, so that its remains can be told
// from lines that people append: a directive without a blank means nothing.
//
// The last line of the content proper holds its length and checksum. It tells
// old content, behind which a copy was begun, from a file that lost its end.
//
// To redis-sentinel and in TOML all these lines are comments.
const (
	copyHead = "#>gosentinel-writes-this-file-and-keeps-its-new-content-in-these-lines-meanwhile:whoever-edits-it-removes-them\n"
	copyLine = "#>"
	copyEnd  = "#>end:"
	sealLine = "# gosentinel wrote this file in place: "

	copyGap = "\n\n" // an editor, and redis-sentinel, would merge such lines and so move the copy
)

// sealed returns content with the line that tells its length and checksum.
func sealed(content []byte) []byte {
	b := bytes.Clone(content)
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	return fmt.Appendf(b, "%s%d bytes above, crc32 %08x\n", sealLine, len(b), crc32.ChecksumIEEE(b))
}

// appendCopy appends the copy of text that begins at an offset of the file.
func appendCopy(b, text []byte, begin int) []byte {
	b = append(b, copyHead...)
	for part := text; len(part) > 0; {
		n := min(len(part), 57)
		b = append(b, copyLine...)
		b = base64.StdEncoding.AppendEncode(b, part[:n])
		b, part = append(b, '\n'), part[n:]
	}
	return fmt.Appendf(b, "%sbegin=%d,length=%d,crc32=%08x\n", copyEnd, begin, len(text), crc32.ChecksumIEEE(text))
}

// findCopy returns what a whole copy in a file holds, and what stands behind it.
func findCopy(file []byte) (text, behind []byte, found bool) {
	at := bytes.LastIndex(file, []byte("\n"+copyEnd))
	if at < 0 {
		return nil, nil, false
	}
	var begin, length int
	var sum uint32
	last, behind, _ := bytes.Cut(file[at+1:], []byte("\n"))
	if _, err := fmt.Sscanf(string(last), copyEnd+"begin=%d,length=%d,crc32=%08x", &begin, &length, &sum); err != nil {
		return nil, nil, false
	}
	head := copyGap + copyHead
	// A copy that has moved was moved by somebody who edited what stands above it.
	if start := begin - len(copyGap); start < 0 || begin > at || !bytes.HasPrefix(file[start:], []byte(head)) {
		return nil, nil, false
	}
	for line := range bytes.Lines(file[begin+len(copyHead) : at+1]) {
		part, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(line), copyLine)))
		if err != nil {
			return nil, nil, false
		}
		text = append(text, part...)
	}
	return text, behind, len(text) == length && crc32.ChecksumIEEE(text) == sum
}

// cutSealed divides a file behind the line that seals what stands above it.
func cutSealed(file []byte) (content, behind []byte, found bool) {
	for from := 0; ; {
		i := bytes.Index(file[from:], []byte(sealLine))
		if i < 0 {
			return nil, nil, false
		}
		at := from + i
		line, behind, _ := bytes.Cut(file[at:], []byte("\n"))
		var length int
		var sum uint32
		_, err := fmt.Sscanf(string(line), sealLine+"%d bytes above, crc32 %08x", &length, &sum)
		if err == nil && length == at && crc32.ChecksumIEEE(file[:at]) == sum {
			return file[:at], behind, true
		}
		from = at + len(sealLine)
	}
}

// Recover returns what a file says that may have been written in place: the
// content without the lines of this package. Interrupted is true when a write did
// not come to its end; the content is then that of before it or that of after it,
// and whole. What others have appended since is kept.
//
// A file that was never written in place is returned as it is.
func Recover(file []byte) (content []byte, interrupted bool) {
	if text, behind, ok := findCopy(file); ok {
		interrupted = !bytes.HasPrefix(file, text)
		content, _ = Recover(text)
		return append(bytes.Clone(content), withoutRemains(behind)...), interrupted
	}
	if content, behind, ok := cutSealed(file); ok {
		rest := withoutRemains(behind)
		return append(withoutMarks(content), rest...), len(rest) < len(behind)
	}
	if content, ok := partlySealed(file); ok {
		return content, true
	}
	return withoutMarks(file), bytes.Contains(file, []byte(copyLine))
}

// partlySealed returns the content of a file to which a seal was being appended for
// the first time, when only a part of that reached the disk.
func partlySealed(file []byte) (content []byte, found bool) {
	nul := bytes.IndexByte(file, 0)
	if nul < 0 {
		nul = len(file)
	}
	for _, length := range []int{bytes.LastIndexByte(file[:nul], '\n') + 1, nul} {
		seal := sealed(file[:length])[length:]
		behind := file[length:]
		if len(behind) > len(seal) || !hasHoles(behind, seal) {
			continue
		}
		// Of a seal that has its length, all of it may be missing. Otherwise what has
		// arrived must be more than what others write as well.
		whole := len(behind) == len(seal) && nul < len(file)
		if whole || len(bytes.Trim(behind, "\x00")) > len("# ") {
			return file[:length], true
		}
	}
	return nil, false
}

// hasHoles reports whether text is the beginning of whole, but for zeros.
func hasHoles(text, whole []byte) bool {
	for i, c := range text {
		if c != 0 && c != whole[i] {
			return false
		}
	}
	return true
}

// withoutRemains returns what stands behind sealed content without what can be
// part of a copy: all that has no blank in it.
func withoutRemains(behind []byte) (rest []byte) {
	for line := range bytes.Lines(behind) {
		if line = bytes.ReplaceAll(line, []byte{0}, nil); bytes.ContainsAny(bytes.TrimSpace(line), " \t") {
			rest = append(rest, line...)
		}
	}
	return rest
}

// withoutMarks returns a file without the lines of this package: one that others
// have edited, or were the first to be interrupted in writing it.
func withoutMarks(file []byte) []byte {
	content, behind := file, []byte(nil)
	if i := bytes.Index(file, []byte(copyLine)); i >= 0 {
		if nul := bytes.IndexByte(file[:i], 0); nul >= 0 {
			i = nul // bytes between that never reached the disk
		}
		content, behind = append(bytes.Clone(bytes.TrimRight(file[:i], "\n")), '\n'), file[i:]
	}
	if behind == nil && !bytes.Contains(file, []byte(sealLine)) {
		return bytes.Clone(file)
	}
	var rest []byte
	for line := range bytes.Lines(content) {
		if !bytes.HasPrefix(line, []byte(sealLine)) {
			rest = append(rest, line...)
		}
	}
	return append(rest, withoutRemains(behind)...)
}
