package recorder

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

func params() monitor.Params {
	addr, _ := monitor.IPAddr("10.0.0.1", 6379)
	return monitor.Params{
		State: monitor.State{
			Options: monitor.Options{MyID: monitor.RunID(strings.Repeat("a", 40)), SentinelPass: "\xff"},
			Masters: []*monitor.MasterState{{MasterConfig: monitor.MasterConfig{
				Name: "m", Addr: addr, Quorum: 1, Rename: monitor.NewRenameTable(monitor.Renamed{From: "CONFIG", To: "x"}),
			}}},
		},
		Port: 26379, Seed: 1<<63 + 7,
	}
}

// session drives a core for a while: a link comes up, the master answers, an
// operator changes something, and the master goes down.
func session(t *testing.T, rec *Recorder) (*monitor.Core, [][]monitor.Effect) {
	t.Helper()
	now := monitor.Instant(1)
	core, err := rec.NewCore(now, params())
	if err != nil {
		t.Fatal(err)
	}
	var all [][]monitor.Effect
	var out monitor.Effects
	drain := func() {
		for {
			rec.Drain(core, &out)
			all = append(all, append([]monitor.Effect(nil), out.Free...))
			for _, e := range out.Free {
				if d, ok := e.(monitor.Dial); ok {
					rec.Step(core, now, monitor.LinkUp{Conn: d.Conn, LocalIP: "10.0.0.9"})
				}
			}
			if p := out.Persist; p != nil {
				rec.Step(core, now, monitor.Persisted{Seq: p.Seq})
			} else if len(out.Free) == 0 {
				return
			}
		}
	}
	drain()
	rec.Step(core, now, monitor.Call{From: 1, Op: monitor.SetOp{Name: "m", Changes: []monitor.Change{{Option: "quorum", Values: []string{"2"}}}}})
	drain()
	for range 400 {
		now = max(now+1, core.NextDeadline())
		rec.Step(core, now, monitor.Tick{})
		drain()
	}
	return core, all
}

func TestReplay(t *testing.T) {
	var text bytes.Buffer
	rec := New(&text, DefaultLimit)
	core, all := session(t, rec)
	if err := rec.Err(); err != nil {
		t.Fatal(err)
	}
	var again [][]monitor.Effect
	steps := 0
	var began monitor.Params
	p := Player{
		Started: func(_ monitor.Instant, p monitor.Params) { began = p },
		Stepped: func(monitor.Instant, monitor.Input) { steps++ },
		Drained: func(out *monitor.Effects) { again = append(again, append([]monitor.Effect(nil), out.Free...)) },
	}
	got, err := Replay(bytes.NewReader(text.Bytes()), p)
	if err != nil {
		t.Fatal(err)
	}
	want := params()
	want.Tunables = monitor.DefaultTunables()
	if !reflect.DeepEqual(began, want) {
		t.Errorf("the core began with %+v", began)
	}
	if steps < 400 || !strings.Contains(text.String(), `"type":"SDown"`) {
		t.Errorf("%d steps, in which nothing happened", steps)
	}
	if !reflect.DeepEqual(got.State(), core.State()) || !reflect.DeepEqual(got.Masters(core.NextDeadline()), core.Masters(core.NextDeadline())) {
		t.Errorf("the core ends as %+v\nnot %+v", got.State(), core.State())
	}
	flat := func(lists [][]monitor.Effect) (n int) {
		for _, l := range lists {
			n += len(l)
		}
		return n
	}
	if flat(again) != flat(all) {
		t.Errorf("%d effects in place of %d", flat(again), flat(all))
	}
}

// TestNoRecorder: nil does everything but write.
func TestNoRecorder(t *testing.T) {
	var none *Recorder
	var text bytes.Buffer
	_, want := session(t, New(&text, DefaultLimit))
	if _, got := session(t, none); !reflect.DeepEqual(got, want) || none.Err() != nil {
		t.Error("a core behaves differently when it is recorded")
	}
}

// TestLimit: a record ends with a line that says so, and what it has can be played.
func TestLimit(t *testing.T) {
	var text bytes.Buffer
	rec := New(&text, 4000)
	session(t, rec)
	if rec.Err() == nil || text.Len() > 4200 || !strings.HasSuffix(text.String(), "reached its limit\"}\n") {
		t.Errorf("%v, %d bytes, ends with %q", rec.Err(), text.Len(), text.String()[max(0, text.Len()-80):])
	}
	if _, err := Replay(&text, Player{}); err != nil {
		t.Error(err)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("no space left")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteFails(t *testing.T) {
	rec := New(brokenWriter{}, DefaultLimit)
	if _, err := rec.NewCore(1, params()); err != nil {
		t.Fatal(err)
	}
	if rec.Err() != errBroken {
		t.Errorf("the error is %v", rec.Err())
	}
}

// TestDamagedRecords: what cannot be played is an error with the number of the line.
func TestDamagedRecords(t *testing.T) {
	var text bytes.Buffer
	session(t, New(&text, DefaultLimit))
	whole := text.String()
	lines := strings.SplitAfter(whole, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "empty"},
		"no start":          {strings.Join(lines[1:], ""), "line 1: recorder: the record does not begin"},
		"later version":     {strings.Replace(whole, `"version":1`, `"version":2`, 1), "knows only 1"},
		"damaged line":      {lines[0] + "{", "line 2: "},
		"line that is none": {lines[0] + "{}\n", "line 2: recorder: the line says nothing"},
		"unknown input":     {lines[0] + `{"at":5,"input":{"type":"Nonsense"}}` + "\n", `"Nonsense" is no`},
		"bad parameters":    {`{"at":1,"start":{"version":1,"params":{"Nonsense":1}}}` + "\n", "has no field Nonsense"},
		"other effect":      {strings.Replace(whole, `{"type":"Dial","value":{"Addr":{"Host":"10.0.0.1"`, `{"type":"Dial","value":{"Addr":{"Host":"10.0.0.2"`, 1), ErrDiffers.Error()},
		"lost input":        {strings.Replace(whole, lines[3], "", 1), "line "},
	} {
		if c.text == whole {
			t.Errorf("%s: the record was not changed", name)
		}
		if _, err := Replay(strings.NewReader(c.text), Player{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// TestTimeIsPlayed: the instants are those of the record.
func TestTimeIsPlayed(t *testing.T) {
	var text bytes.Buffer
	core, _ := session(t, New(&text, DefaultLimit))
	last := monitor.Instant(0)
	if _, err := Replay(&text, Player{Stepped: func(now monitor.Instant, _ monitor.Input) { last = now }}); err != nil {
		t.Fatal(err)
	}
	if last < monitor.Instant(time.Second) || last >= core.NextDeadline() {
		t.Errorf("the last step was at %d, the next would be at %d", last, core.NextDeadline())
	}
}

// TestPrint: what is printed begins with the parameters, ends with the end, and
// has inputs, effects and events in their order between.
func TestPrint(t *testing.T) {
	var text, out bytes.Buffer
	session(t, New(&text, DefaultLimit))
	record := text.String()
	if err := Print(&out, strings.NewReader(record)); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, want := range []string{
		"    0.000000 = {\"Port\":26379", "! +monitor master m 10.0.0.1 6379 quorum 1\n", `> {"type":"Dial"`, `< {"type":"LinkUp"`,
		`< {"type":"Call"`, "! +set master m 10.0.0.1 6379 quorum 2\n", `# {"Seq":1`, `> {"type":"CallResult"`, `< {"type":"Persisted"`, `< {"type":"Tick"}`,
		" = the record ends; 1 masters, current epoch 0\n",
	} {
		_, behind, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is missing in\n%s", want, rest[:min(len(rest), 2000)])
		}
		rest = behind
	}
	if rest != "" {
		t.Errorf("more follows: %s", rest)
	}
	if err := Print(brokenWriter{}, strings.NewReader(record)); err != errBroken {
		t.Errorf("a broken writer: %v", err)
	}
	if err := Print(&out, strings.NewReader("")); err == nil {
		t.Error("an empty record was printed")
	}
}
