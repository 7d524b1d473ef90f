package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strconv"
)

// A journal file is text. Its first line says what it is, and each further one holds
// a record: the length of the report in bytes, its checksum, and the report as JSON,
// which has no line feed. So a record that was torn, or lies on a bad sector, costs no
// more than itself: the next one begins behind the next line feed.
//
//	gosentinel failovers 1 5a1c…
//	412 9d0f41c2 {"id":1764459012345,…}
//
// A report that has changed is written again; the last record of an id counts.
const (
	magic   = "gosentinel failovers "
	version = 1
)

// MaxFileBytes is the size of the largest file that [Read] accepts.
const MaxFileBytes = 64 << 20

// ErrNoJournal says that a file is something else than a journal.
var ErrNoJournal = errors.New("journal: this is no journal of failovers")

// VersionError says that a file was written by a newer release.
type VersionError struct{ Version int }

// Error says what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("journal: the file has version %d, and this release reads up to %d: use the release that wrote it", e.Version, version)
}

// Contents is what a journal file holds.
type Contents struct {
	// Reports are in the order in which the attempts began. One that is open belongs to
	// a Sentinel that is running, or that ended without a word.
	Reports []Report
	// Unreadable counts records that are damaged, and were skipped.
	Unreadable int
	// Torn says that the last record is not whole: the process, or the machine, ended
	// while it was written.
	Torn bool
}

// Read reads a journal file. The error is that of the file system, a [*VersionError],
// or one that wraps [ErrNoJournal].
func Read(path string) (Contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	switch {
	case err != nil:
		return Contents{}, err
	case len(text) > MaxFileBytes:
		return Contents{}, fmt.Errorf("%w: %s is longer than %d MiB", ErrNoJournal, path, MaxFileBytes>>20)
	}
	c, err := Parse(text)
	if errors.Is(err, ErrNoJournal) {
		err = fmt.Errorf("%w: %s", err, path)
	}
	return c, err
}

// Parse returns what the text of a journal file holds. Damage never makes it fail,
// unless nothing is left that tells a journal from another file. An empty text is an
// empty journal.
func Parse(text []byte) (Contents, error) {
	var c Contents
	if len(text) == 0 {
		return c, nil
	}
	first, rest, whole := bytes.Cut(text, []byte("\n"))
	titled, err := checkTitle(first)
	switch {
	case err != nil:
		return c, err
	case !titled && whole:
		rest = text // it may be damaged, or lost with the line feed behind it
	}
	c.Torn = !whole
	latest := map[uint64]int{}
	for len(rest) > 0 {
		line, next, ended := bytes.Cut(rest, []byte("\n"))
		rest = next
		if !ended {
			c.Torn = true
			break
		}
		r, ok := parseRecord(line)
		if !ok {
			c.Unreadable++
			continue
		}
		if at, known := latest[r.ID]; known {
			c.Reports[at] = r
		} else {
			latest[r.ID] = len(c.Reports)
			c.Reports = append(c.Reports, r)
		}
	}
	if !titled && len(c.Reports) == 0 && !bytes.HasPrefix(text, []byte(magic)) && !bytes.HasPrefix([]byte(magic), text) {
		return Contents{}, ErrNoJournal
	}
	slices.SortStableFunc(c.Reports, func(a, b Report) int { return cmp.Compare(a.ID, b.ID) })
	return c, nil
}

// Render returns the text of a whole file with these reports.
func Render(reports []Report) []byte {
	text := appendTitle(nil, version)
	for _, r := range reports {
		text = AppendRecord(text, r)
	}
	return text
}

// AppendRecord appends the record of a report, with its line feed.
func AppendRecord(dst []byte, r Report) []byte {
	body, err := json.Marshal(r)
	if err != nil { // no report that a Sentinel makes: times beyond the year 9999
		r = Report{ID: r.ID, Master: r.Master, Outcome: r.Outcome, Reason: "the report cannot be written down: " + err.Error()}
		body, _ = json.Marshal(r)
	}
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = fmt.Appendf(dst, " %08x ", checksum(body))
	return append(append(dst, body...), '\n')
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(text []byte) uint32 { return crc32.Checksum(text, castagnoli) }

func appendTitle(dst []byte, version int) []byte {
	at := len(dst)
	dst = strconv.AppendInt(append(dst, magic...), int64(version), 10)
	return fmt.Appendf(dst, " %08x\n", checksum(dst[at:]))
}

// checkTitle reports whether the first line of a file is whole. The error says that a
// newer release wrote it.
func checkTitle(line []byte) (ok bool, err error) {
	text, sum, found := bytes.Cut(bytes.TrimPrefix(line, []byte(magic)), []byte(" "))
	if !found || !bytes.HasPrefix(line, []byte(magic)) {
		return false, nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || string(sum) != fmt.Sprintf("%08x", checksum(line[:len(line)-len(sum)-1])) {
		return false, nil
	}
	if n > version {
		return true, &VersionError{n}
	}
	return true, nil
}

func parseRecord(line []byte) (r Report, ok bool) {
	length, rest, _ := bytes.Cut(line, []byte(" "))
	sum, body, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.Atoi(string(length))
	if err != nil || n != len(body) || string(sum) != fmt.Sprintf("%08x", checksum(body)) {
		return r, false
	}
	return r, json.Unmarshal(body, &r) == nil && r.ID != 0
}
