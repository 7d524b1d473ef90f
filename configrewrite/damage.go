package configrewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
)

// damage says what shows that a file has lost something since it held the last good
// text, by another program or a full disk; "" when nothing does. A state rendered
// into such a text would make it look whole, and the next start would be one
// without its password.
func (f *File) damage(text []byte) string {
	if f.statePath != f.path {
		if _, state := cutState(text); state == nil || checksum(state) != nil {
			return "the state is not whole"
		}
		return ""
	}
	var all *Error
	if errors.As(checkWhole(f.path, text), &all) {
		return all.Problems[0].Message
	}
	if f.isCut(text) {
		return "its end is missing"
	}
	return ""
}

// isCut reports whether text is the beginning of the last good text in a way in
// which nobody edits: cut within a line, cut within what the operator wrote and so
// without the state behind it, or without something that protects.
func (f *File) isCut(text []byte) bool {
	if !bytes.HasPrefix(f.good, text) || len(text) == len(f.good) {
		return false
	}
	rest := f.good[len(text):]
	if text[len(text)-1] != '\n' && len(bytes.TrimSpace(rest)) > 0 && rest[0] != '\n' {
		return true
	}
	operator := operatorPart(f.good, FormatOf(f.path))
	if len(operator) < len(f.good) && len(bytes.TrimSpace(text)) < len(bytes.TrimSpace(operator)) {
		return true
	}
	before, _ := f.parsed(f.good)
	now, _ := f.parsed(text)
	return len(vanished(before, now)) > 0
}

// operatorPart returns what stands above the first line that a Sentinel appended.
func operatorPart(text []byte, format Format) []byte {
	if format == FormatTOML {
		head, _ := cutState(text)
		return head
	}
	if i := bytes.Index(text, []byte("\n"+generatedMarker)); i >= 0 {
		return text[:i+1]
	}
	return text
}

// repaired returns what a state is rendered into instead of the present text: the
// text itself, unless it is damaged. The damaged one is kept beside the file.
func (f *File) repaired(text []byte) []byte {
	if bytes.Equal(text, f.good) {
		return text
	}
	reason := f.damage(text)
	if reason == "" {
		return text
	}
	base := f.good
	if base == nil {
		base = f.stateHead()
	}
	if f.broken != nil && bytes.Equal(text, f.broken.text) {
		return f.broken.base // seen already; the save after it has failed
	}
	kept, where := f.keep(text)
	if !kept && len(bytes.TrimSpace(text)) > 0 && !bytes.HasPrefix(f.good, text) {
		base, where = withComments(base, text, FormatOf(f.path)), "it is kept in comments of the file itself"
	}
	f.broken = &brokenText{text, base}
	f.say(fmt.Sprintf("%s was damaged while this process ran: %s. It is written anew from its last good content; %s. "+
		"Find out what did this: an editor, cp, a full disk", f.statePath, reason, where))
	return base
}

// brokenText is a damaged text that was seen, and what is used in its place.
type brokenText struct{ text, base []byte }

// maxBroken bounds how many damaged texts are kept; the oldest go.
const maxBroken = 5

// keep writes a damaged text beside the file, or else to the directory that dir
// names, and says where.
func (f *File) keep(text []byte) (kept bool, where string) {
	if len(bytes.TrimSpace(text)) == 0 {
		return true, "there was nothing left to keep"
	}
	name := filepath.Base(f.statePath) + ".broken-"
	stamp := time.Now().UTC().Format("20060102T150405.000Z")
	dirs := []string{filepath.Dir(f.statePath), f.doc.Settings.Dir}
	var failed error
	for _, dir := range dirs {
		path := filepath.Join(dir, name+stamp)
		err := f.copyTo(path, text)
		if err == nil {
			f.removeOldest(dir, name)
			return true, "the damaged text is kept in " + path
		}
		failed = errors.Join(failed, err)
	}
	return false, fmt.Sprintf("the damaged text could not be kept (%v)", failed)
}

func (f *File) copyTo(path string, text []byte) error {
	file, err := f.fsys.Create(path, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = f.fsys.Remove(path)
		return err
	}
	return nil
}

func (f *File) removeOldest(dir, prefix string) {
	entries, err := f.fsys.ReadDir(dir)
	if err != nil {
		return
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), prefix) })
	for len(entries) > maxBroken { // in the order of their names, which is that of time
		_ = f.fsys.Remove(filepath.Join(dir, entries[0].Name()))
		entries = entries[1:]
	}
}

// maxComments bounds a damaged text that is kept in the file itself.
const maxComments = 64 << 10

// brokenMark begins the comments that hold a damaged text.
const brokenMark = "#!"

// withComments returns base with another text in comments, instead of an earlier one.
func withComments(base, text []byte, format Format) []byte {
	operator := operatorPart(base, format)
	var b bytes.Buffer
	for line := range bytes.Lines(operator) {
		if !bytes.HasPrefix(line, []byte(brokenMark)) {
			b.Write(line)
		}
	}
	if b.Len() > 0 && b.Bytes()[b.Len()-1] != '\n' {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s what stood here at %s, damaged:\n", brokenMark, time.Now().UTC().Format(time.RFC3339))
	for line := range strings.Lines(string(text[:min(len(text), maxComments)])) {
		fmt.Fprintf(&b, "%s %+q\n", brokenMark, strings.TrimSuffix(line, "\n"))
	}
	b.Write(base[len(operator):])
	return b.Bytes()
}

// judgeEdit warns about what somebody else has done to the file since it was read or
// written last. Rendered is what it becomes now.
func (f *File) judgeEdit(current, rendered []byte) {
	if f.statePath != f.path || f.good == nil || bytes.Equal(current, f.good) || bytes.Equal(current, f.judged) {
		return
	}
	f.judged = current
	before, problemsBefore := f.parsed(f.good)
	now, problems := f.parsed(rendered)
	problems = slices.DeleteFunc(problems, func(p Problem) bool {
		return slices.ContainsFunc(problemsBefore, func(q Problem) bool { return p.Text == q.Text && p.Message == q.Message })
	})
	if len(problems) > 0 {
		p := problems[0]
		text := fmt.Sprintf("%s was edited, and the next start will refuse it: line %d: %s", f.path, p.Line, printable(p.Message+" >>> "+p.Text))
		if p.Hint != "" {
			text += "; " + p.Hint
		}
		if n := len(problems) - 1; n > 0 {
			text += fmt.Sprintf(" (and %d more; --check-config lists all)", n)
		}
		f.say(text)
	}
	if gone := vanished(before, now); len(gone) > 0 {
		f.say(fmt.Sprintf("%s was edited, and does not protect as before from the next start on: no line sets %s any more", f.path, strings.Join(gone, ", ")))
	}
}

// parsed reads a text as the next start would, but for names, which it does not look
// up.
func (f *File) parsed(text []byte) (*Document, []Problem) {
	src := f.doc.source
	src.Resolve, src.keepNames = nil, true
	doc, err := Parse(text, src)
	var all *Error
	if errors.As(err, &all) {
		return doc, all.Problems
	}
	return doc, nil
}

// vanished names the options that protected before and are not set any more.
func vanished(before, now *Document) (gone []string) {
	defaults := settingOptions.Defaults()
	for i := range settingOptions {
		o := &settingOptions[i]
		if was, is := o.Text(&before.asked.settings), o.Text(&now.asked.settings); protects(o.Spec) && was != is && is == o.Text(&defaults) {
			gone = append(gone, o.Name)
		}
	}
	if len(before.asked.settings.Users) > len(now.asked.settings.Users) {
		gone = append(gone, "user")
	}
	globals := globalOptions.Defaults()
	for i := range globalOptions {
		o := &globalOptions[i]
		if o.Secret && o.Text(&before.asked.options) != o.Text(&globals) && o.Text(&now.asked.options) == o.Text(&globals) {
			gone = append(gone, o.Name)
		}
	}
	for i := range before.asked.masters {
		was := &before.asked.masters[i]
		if m := now.asked.master(was.Name); m != nil && was.AuthPass != "" && m.AuthPass == "" {
			gone = append(gone, "auth-pass of "+was.Name)
		}
	}
	return gone
}

// protects reports whether an option keeps strangers out. Without its line they
// may get in.
func protects(o option.Spec) bool {
	return o.Secret || strings.HasPrefix(o.Name, "tls-") || strings.HasPrefix(o.Name, "gossip-") ||
		slices.Contains([]string{"bind", "port", "protected-mode", "rename-command", "aclfile", "unixsocketperm"}, o.Name)
}

// protectedBy begins the line of a state file that names what protected this Sentinel.
const protectedBy = "# Protected by: "

// stateHead returns what stands above the state in a state file.
func (f *File) stateHead() []byte {
	head := stateFileHead
	if names := f.doc.protections(); len(names) > 0 && f.path != "" {
		head += protectedBy + strings.Join(names, ", ") + "\n"
	}
	return []byte(head)
}

// protections names the options of the operator that protect.
func (d *Document) protections() []string {
	none := &Document{asked: asked{settings: DefaultSettings(), options: globalOptions.Defaults()}}
	return vanished(d, none)
}

// judgeStart warns about what protected this Sentinel when it ran before, as the
// head of its state file says, and is not in the configuration any more. The
// configuration may have been cut where nothing shows it.
func (f *File) judgeStart(head []byte) {
	_, list, _ := strings.Cut(string(head), protectedBy)
	list, _, _ = strings.Cut(list, "\n")
	if f.path == "" || list == "" {
		return
	}
	now := f.doc.protections()
	var gone []string
	for name := range strings.SplitSeq(list, ", ") {
		if !slices.Contains(now, name) {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		f.say(fmt.Sprintf("%s does not protect as it did when this Sentinel ran before: no line sets %s any more", f.path, printable(strings.Join(gone, ", "))))
	}
}
