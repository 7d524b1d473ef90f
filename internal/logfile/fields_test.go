package logfile

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

var aMaster = event.Instance{Name: "mymaster", Addr: event.HostPort{Host: "10.0.0.1", Port: 6379}}

// TestFields: the forms for machines show one attribute for each field of an event, and
// what goes with a line.
func TestFields(t *testing.T) {
	log := func(format Format) string {
		var out strings.Builder
		w := start(t, Config{Stdout: &out, Format: format})
		w.Event(event.ODown{Instance: aMaster, Votes: 3, Quorum: 2})
		w.Record(monitor.LevelNotice, "a summary", slog.Duration("took", 1500*time.Microsecond),
			slog.Attr{Key: "phases", Value: slog.GroupValue(slog.Duration("silence", time.Second))})
		w.Event(event.Set{Instance: aMaster, Option: "rename-command", Values: []string{"A B", "C"}})
		stop(t, w)
		return out.String()
	}
	expect(t, log(JSON), `{"timestamp":"2026-11-01T08:05:03.007+01:30","level":"warning","message":"+odown master mymaster 10.0.0.1 6379 #quorum 3/2","pid":42,"role":"sentinel","event":"+odown","master":"mymaster","kind":"master","addr":"10.0.0.1:6379","votes":3,"quorum":2}
{"timestamp":"2026-11-01T08:05:03.007+01:30","level":"notice","message":"a summary","pid":42,"role":"sentinel","took_ms":1.5,"phases":{"silence_ms":1000}}
{"timestamp":"2026-11-01T08:05:03.007+01:30","level":"warning","message":"+set master mymaster 10.0.0.1 6379 rename-command A B C","pid":42,"role":"sentinel","event":"+set","master":"mymaster","kind":"master","addr":"10.0.0.1:6379","option":"rename-command","values":["A B","C"]}
`)
	expect(t, log(Logfmt), `pid=42 role=sentinel timestamp="01 Nov 2026 08:05:03.007" level=warning message="+odown master mymaster 10.0.0.1 6379 #quorum 3/2" event=+odown master=mymaster kind=master addr=10.0.0.1:6379 votes=3 quorum=2
pid=42 role=sentinel timestamp="01 Nov 2026 08:05:03.007" level=notice message="a summary" took_ms=1.5 phases.silence_ms=1000
pid=42 role=sentinel timestamp="01 Nov 2026 08:05:03.007" level=warning message="+set master mymaster 10.0.0.1 6379 rename-command A B C" event=+set master=mymaster kind=master addr=10.0.0.1:6379 option=rename-command values="[A B C]"
`)
	expect(t, log(Legacy), `42:X 01 Nov 2026 08:05:03.007 # +odown master mymaster 10.0.0.1 6379 #quorum 3/2
42:X 01 Nov 2026 08:05:03.007 * a summary
42:X 01 Nov 2026 08:05:03.007 # +set master mymaster 10.0.0.1 6379 rename-command A B C
`)
}

// TestHostileFields: what a remote sent neither forges a line or an attribute, nor reaches
// a terminal, nor makes a line long without end.
func TestHostileFields(t *testing.T) {
	bad := "x\" level=warning\n{\"level\":\"x\"}\x1b[2J\u202e\x9b\xff" + strings.Repeat("y", 1<<20)
	for _, format := range []Format{JSON, Logfmt} {
		var out strings.Builder
		w := start(t, Config{Stdout: &out, Format: format})
		w.Event(event.LinkReconnection{Instance: aMaster, Reason: bad})
		w.Event(event.Set{Instance: aMaster, Option: "o", Values: []string{bad, bad}})
		w.Log(monitor.LevelNotice, bad)
		stop(t, w)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 || out.Len() > 8*MaxText || strings.ContainsAny(out.String(), "\x1b\u202e\u009b\xff") {
			t.Errorf("%d lines of %d bytes: %.300q", len(lines), out.Len(), out.String())
		}
		for _, line := range lines {
			got := map[string]any{}
			if format == Logfmt {
				got = parseLogfmt(t, line)
			} else if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Errorf("%v: %.200s", err, line)
			}
			if got["level"] == "x" || got["role"] != "sentinel" || strings.Contains(line, "event") && got["master"] != "mymaster" {
				t.Errorf("forged: %.300s", line)
			}
		}
	}
}

// parseLogfmt takes a line apart. It fails when a key comes twice.
func parseLogfmt(t *testing.T, line string) map[string]any {
	got := map[string]any{}
	for rest := line; rest != ""; rest = strings.TrimPrefix(rest, " ") {
		key, value, ok := strings.Cut(rest, "=")
		if quoted, err := strconv.QuotedPrefix(value); err == nil {
			value, rest = quoted, value[len(quoted):]
		} else {
			value, rest, _ = strings.Cut(value, " ")
		}
		if _, twice := got[key]; !ok || twice || strings.ContainsAny(key, ` "\{}`) {
			t.Errorf("at %q: no key, or twice, in %.300s", key, line)
			return got
		}
		got[key] = value
	}
	return got
}

// TestLinesAboutTheLogItself: they have the form of the others.
func TestLinesAboutTheLogItself(t *testing.T) {
	var out strings.Builder
	w := start(t, Config{Stdout: &out, Format: JSON})
	w.mu.Lock()
	w.queue, w.dropped = w.appendLine(w.queue, monitor.LevelNotice, []byte("a"), nil), 2
	w.mu.Unlock()
	batch := string(w.take(nil))
	stop(t, w)
	for line := range strings.Lines(batch) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if !strings.Contains(batch, `"level":"warning","message":"2 log lines were dropped here: `) {
		t.Error(batch)
	}
}

// TestSlogFields: the log of an embedding program has the line as it is in a file, and
// the same attributes.
func TestSlogFields(t *testing.T) {
	var out strings.Builder
	log := Slog(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	log.Event(event.ODown{Instance: aMaster, Votes: 3, Quorum: 2})
	log.Record(monitor.LevelNotice, "a summary", slog.Int("id", 1))
	log.Close()
	expect(t, out.String(), `{"level":"WARN","msg":"+odown master mymaster 10.0.0.1 6379 #quorum 3/2","event":"+odown","master":"mymaster","kind":"master","addr":"10.0.0.1:6379","votes":3,"quorum":2}
{"level":"INFO","msg":"a summary","id":1}
`)
}
