package recorder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/gosentinel/sentinel/monitor"
)

// DefaultLimit is a limit for [New] that holds hours of a quiet Sentinel with a few
// masters.
const DefaultLimit = 64 << 20

// version is that of the form of a record.
const version = 1

// line is one line of a record. Exactly one of Start, Input, Drain and End is set.
type line struct {
	At    monitor.Instant `json:"at,omitempty"`
	Start *start          `json:"start,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
	Drain *drain          `json:"drain,omitempty"`
	End   string          `json:"end,omitempty"` // why nothing follows
}

// start is how the core began.
type start struct {
	Version int             `json:"version"`
	Params  json.RawMessage `json:"params"`
}

// drain is what came out of the core.
type drain struct {
	Effects []json.RawMessage `json:"effects,omitempty"`
	Persist json.RawMessage   `json:"persist,omitempty"`
}

// Recorder writes a record. It is used by one goroutine, that of the core. Nil
// writes nothing.
type Recorder struct {
	w     io.Writer
	left  int64 // bytes that may still be written
	ended bool
	err   error
}

// New returns a Recorder that writes at most limit bytes to w, and a line that
// says so when more would follow. w must not block: the core waits for it.
func New(w io.Writer, limit int64) *Recorder { return &Recorder{w: w, left: limit} }

// Err returns what ended the record, or nil: a write that failed, or the limit.
func (r *Recorder) Err() error {
	if r == nil {
		return nil
	}
	return r.err
}

// NewCore is [monitor.New], and begins the record.
func (r *Recorder) NewCore(now monitor.Instant, p monitor.Params) (*monitor.Core, error) {
	if p.Tunables == (monitor.Tunables{}) {
		p.Tunables = monitor.DefaultTunables() // of this release, not of the one that plays it
	}
	if r != nil {
		params, err := marshal(p)
		r.write(line{At: now, Start: &start{version, params}}, err)
	}
	return monitor.New(now, p)
}

// Step is [monitor.Core.Step].
func (r *Recorder) Step(c *monitor.Core, now monitor.Instant, in monitor.Input) {
	if r.records() {
		text, err := EncodeInput(in)
		r.write(line{At: now, Input: text}, err)
	}
	c.Step(now, in)
}

// Drain is [monitor.Core.Drain].
func (r *Recorder) Drain(c *monitor.Core, out *monitor.Effects) {
	c.Drain(out)
	if r.records() && (len(out.Free) > 0 || out.Persist != nil) { // else nothing has changed
		d, err := encodeDrain(out)
		r.write(line{Drain: d}, err)
	}
}

func (r *Recorder) records() bool { return r != nil && !r.ended }

func encodeDrain(out *monitor.Effects) (*drain, error) {
	d := &drain{}
	for _, e := range out.Free {
		text, err := EncodeEffect(e)
		if err != nil {
			return nil, err
		}
		d.Effects = append(d.Effects, text)
	}
	var err error
	if out.Persist != nil {
		d.Persist, err = marshal(*out.Persist)
	}
	return d, err
}

// marshalLine returns a line with its line feed. Effects are compared as text, so
// nothing in them may be escaped in another way here than where they are encoded.
func marshalLine(l line) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(l)
	return b.Bytes(), err
}

// write adds a line unless the record has ended or err is set, which ends it.
func (r *Recorder) write(l line, err error) {
	if r.ended {
		return
	}
	var text []byte
	if err == nil {
		text, err = marshalLine(l)
	}
	if err == nil && int64(len(text)) > r.left {
		err = fmt.Errorf("recorder: the record has reached its limit")
	}
	if err != nil {
		text, _ = marshalLine(line{End: err.Error()}) // never fails
		r.ended, r.err = true, err
	}
	r.left -= int64(len(text))
	if _, failed := r.w.Write(text); failed != nil && r.err == nil {
		r.ended, r.err = true, failed
	}
}
