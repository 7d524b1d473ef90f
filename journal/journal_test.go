package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/journal"
)

func TestJSONKeepsAll(t *testing.T) {
	want := sample()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got journal.Report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	// -1 ns, which says that there was none, is all that is rounded.
	for k := range got.Candidates {
		if c := &got.Candidates[k]; c.Heard <= 0 && want.Candidates[k].Heard < 0 {
			c.Heard = want.Candidates[k].Heard
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back:\n%+v\nwritten:\n%+v", got, want)
	}
	for _, part := range []string{`"took_ms":6.5`, `"link_down_ms":30000`, `"kind":"failover"`, `"cause":"refused"`, `"outcome":"promoted"`} {
		if !bytes.Contains(text, []byte(part)) {
			t.Errorf("the JSON has no %s:\n%s", part, text)
		}
	}
}

func TestWords(t *testing.T) {
	var o journal.Outcome
	if err := o.UnmarshalText([]byte("vetoed")); err != nil || o != journal.Vetoed {
		t.Errorf("vetoed is %v, %v", o, err)
	}
	if err := o.UnmarshalText([]byte("lucky")); err == nil || !strings.Contains(err.Error(), "not-elected") {
		t.Errorf("the error for an unknown word is %v; it should name the known ones", err)
	}
	for k := journal.Failover; k <= journal.Takeover; k++ {
		if strings.HasSuffix(k.String(), "?") {
			t.Errorf("kind %d has no word", k)
		}
	}
	for c := journal.Unknown; c <= journal.Unfinished; c++ {
		if strings.HasSuffix(c.String(), "?") {
			t.Errorf("cause %d has no word", c)
		}
	}
	for o := journal.Open; o <= journal.NoNews; o++ {
		if strings.HasSuffix(o.String(), "?") {
			t.Errorf("outcome %d has no word", o)
		}
		r := sample()
		r.Outcome = o
		if s := r.String(); strings.Contains(s, "?") || !strings.HasPrefix(s, "Failover of mymaster") || strings.Contains(s, "\n") {
			t.Errorf("%v: %s", o, s)
		}
	}
}

// TestLogValue: a program that logs a report has the line, and the rest to search by.
func TestLogValue(t *testing.T) {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("failover", "report", sample())
	for _, want := range []string{"report.master=mymaster", "report.outcome=promoted", "report.led=true", "report.to=10.0.0.2:6379",
		"report.leader=aaaa", "report.quorum=2 report.down=2 report.lost_bytes=512 report.phases.silence=5s report.phases.agreement=2ms report.phases.election=6.5ms report.phases.promotion=200ms ",
		`report.text="Failover of mymaster: `} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in %s", want, b.String())
		}
	}
	if got := (journal.Report{}).String(); got != "no failover" {
		t.Errorf("the zero value says %q", got)
	}
}

func TestText(t *testing.T) {
	lost, watched, split, none := sample(), sample(), sample(), sample()
	lost.Lost = journal.Loss{Why: "the new master tells no history"}
	watched.Led, watched.Candidates, watched.Votes = false, nil, nil
	watched.Leader = journal.Sentinel{ID: "bbbbbbbbbbbb", Addr: "10.0.1.2:26379"}
	split.Outcome, split.To, split.Candidates = journal.NotElected, "", nil
	split.Votes = append(split.Votes[:1:1], journal.Vote{By: journal.Sentinel{ID: "cccccccccccc", Addr: "10.0.1.3:26379"}, For: "dddddddddddddd"},
		journal.Vote{By: journal.Sentinel{ID: "e"}}, journal.Vote{By: journal.Sentinel{ID: "f"}, Silent: true})
	none.Outcome, none.To, none.Reason = journal.NoGoodReplica, "", ""
	none.Candidates[0].Chosen, none.Candidates[0].Verdict = false, "priority 0"
	for _, c := range []struct {
		name string
		r    journal.Report
		want string
	}{
		{"led", sample(), "Failover of mymaster: 10.0.0.2:6379 has replaced 10.0.0.1:6379, epoch 7, led by this Sentinel. " +
			"The master let nobody connect (connection refused); 2 Sentinels said that it is down, the quorum is 2. " +
			"10.0.0.2:6379 was chosen of 2 replicas (it has most of the data); 10.0.0.3:6379: 30 s without its master, and 15 s are allowed. " +
			"It took 5.224 s: silence 5.000 s, agreement 2 ms, election 6.5 ms, promotion 200 ms. " +
			"Possibly lost: 512 bytes of the replication stream, and what it took in the 498 ms after it was last heard."},
		{"unknown loss", lost, "What is lost is not known: the new master tells no history."},
		{"watched", watched, "epoch 7, led by Sentinel 10.0.1.2:26379 (bbbbbbbb), it seems. "},
		{"split", split, "Failover of mymaster (10.0.0.1:6379) did not happen, because this Sentinel was not elected, epoch 7. "},
		{"votes", split, "Votes: 1 vote for it, Sentinel 10.0.1.3:26379 (cccccccc) voted for dddddddd, 1 gave none, 1 did not answer. "},
		{"no replica", none, "None of 2 replicas fits; 10.0.0.2:6379: priority 0; 10.0.0.3:6379: 30 s without its master, and 15 s are allowed. "},
	} {
		if got := c.r.String(); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n%s\nshould contain\n%s", c.name, got, c.want)
		}
	}
}

func reports(n int) []journal.Report {
	list := make([]journal.Report, n)
	for k := range list {
		list[k] = sample()
		list[k].ID += uint64(k)
		list[k].Reason = fmt.Sprintf("number %d\nof %d", k, n)
	}
	return list
}

// small returns reports with short records, for tests that go through each byte.
func small(n int) []journal.Report {
	list := make([]journal.Report, n)
	for k := range list {
		list[k] = journal.Report{ID: uint64(k + 1), Master: "m", Begun: begun, Reason: "one\ntwo"}
	}
	return list
}

func TestParse(t *testing.T) {
	list := reports(3)
	text := journal.Render(list)
	changed := list[1].Clone()
	changed.Outcome = journal.Interrupted
	text = journal.AppendRecord(text, changed)
	c, err := journal.Parse(text)
	if err != nil || c.Unreadable != 0 || c.Torn || len(c.Reports) != 3 {
		t.Fatalf("%d reports, %d unreadable, torn %v, %v", len(c.Reports), c.Unreadable, c.Torn, err)
	}
	for k, r := range c.Reports {
		if r.ID != list[k].ID || (r.Outcome == journal.Interrupted) != (k == 1) {
			t.Errorf("report %d has id %d and outcome %v", k, r.ID, r.Outcome)
		}
	}
}

// TestEveryCut reads the file cut at each byte: whole records before the cut are there,
// and nothing else.
func TestEveryCut(t *testing.T) {
	list := small(3)
	text := journal.Render(list)
	ends := []int{bytes.IndexByte(text, '\n') + 1}
	for _, r := range list {
		ends = append(ends, ends[len(ends)-1]+len(journal.AppendRecord(nil, r)))
	}
	for cut := range len(text) {
		c, err := journal.Parse(text[:cut])
		whole := 0
		for _, end := range ends[1:] {
			if cut >= end {
				whole++
			}
		}
		atEnd := cut == 0
		for _, end := range ends {
			atEnd = atEnd || cut == end
		}
		if err != nil || len(c.Reports) != whole || c.Unreadable != 0 || c.Torn == atEnd {
			t.Fatalf("cut at %d: %d reports for %d, %d unreadable, torn %v, %v", cut, len(c.Reports), whole, c.Unreadable, c.Torn, err)
		}
	}
}

// TestEveryFlip flips bits of each byte: at most two records are lost, where a line
// feed was hit, and what is left is what was written.
func TestEveryFlip(t *testing.T) {
	list := small(3)
	text := journal.Render(list)
	known := map[uint64]string{}
	for _, r := range list {
		known[r.ID] = string(journal.AppendRecord(nil, r))
	}
	for at := range text {
		for bit := at % 4; bit < 8; bit += 4 {
			bad := bytes.Clone(text)
			bad[at] ^= 1 << bit
			c, err := journal.Parse(bad)
			if err != nil {
				t.Fatalf("byte %d, bit %d: %v", at, bit, err)
			}
			if len(c.Reports) < 1 || len(c.Reports) == 3 && c.Unreadable == 0 {
				t.Fatalf("byte %d, bit %d: %d reports, %d unreadable", at, bit, len(c.Reports), c.Unreadable)
			}
			for _, r := range c.Reports {
				if string(journal.AppendRecord(nil, r)) != known[r.ID] {
					t.Fatalf("byte %d, bit %d: report %d is not what was written", at, bit, r.ID)
				}
			}
		}
	}
}

func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := write("newer", journal.TitleOf(2)+"whatever comes then\n")
	_, err := journal.Read(newer)
	var version *journal.VersionError
	if !errors.As(err, &version) || version.Version != 2 || !strings.Contains(err.Error(), "use the release that wrote it") {
		t.Errorf("a newer file: %v", err)
	}
	for _, text := range []string{"port 26379\nsentinel monitor m 10.0.0.1 6379 2\n", "\x7fELF", "\n"} {
		if _, err := journal.Read(write("other", text)); !errors.Is(err, journal.ErrNoJournal) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if c, err := journal.Read(write("empty", "")); err != nil || len(c.Reports) != 0 {
		t.Errorf("an empty file: %v, %v", c, err)
	}
	if _, err := journal.Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := journal.Read(dir); err == nil {
		t.Error("a directory was read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(journal.Render(reports(2)))
	f.Add([]byte(journal.TitleOf(9)))
	f.Add([]byte("12 00000000 {\"id\":1}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := journal.Parse(text)
		if err != nil {
			return
		}
		again, err := journal.Parse(journal.Render(c.Reports))
		if err != nil || again.Torn || again.Unreadable > 0 || len(again.Reports) != len(c.Reports) {
			t.Errorf("what was read cannot be written and read again: %d reports, then %d, %d unreadable, %v",
				len(c.Reports), len(again.Reports), again.Unreadable, err)
		}
	})
}
