package recorder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gosentinel/sentinel/monitor"
)

// Player is called while a record is played. Functions left nil are skipped.
type Player struct {
	Started func(now monitor.Instant, p monitor.Params)
	Stepped func(now monitor.Instant, in monitor.Input)
	Drained func(out *monitor.Effects)
}

// ErrDiffers says that a core did something else than the record says, so that it
// is not the core of the release that wrote the record, or not deterministic.
var ErrDiffers = errors.New("recorder: the effects differ from those recorded")

// maxLine bounds a line of a record.
const maxLine = 64 << 20

// Replay gives a fresh core the inputs of a record, and compares its effects with
// those recorded. It returns the core as it is in the end, also with an error,
// unless there is none yet.
func Replay(r io.Reader, p Player) (*monitor.Core, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var core *monitor.Core
	n := 0
	for lines.Scan() {
		n++
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return core, fmt.Errorf("line %d: %w", n, err)
		}
		var err error
		if core, err = p.play(core, l); err != nil {
			return core, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return core, err
	}
	if core == nil {
		return nil, errors.New("recorder: the record is empty")
	}
	return core, nil
}

// play carries out one line.
func (p Player) play(core *monitor.Core, l line) (*monitor.Core, error) {
	switch {
	case l.Start != nil:
		return p.start(l)
	case core == nil:
		return nil, errors.New("recorder: the record does not begin with the start of a core")
	case l.Input != nil:
		in, err := DecodeInput(l.Input)
		if err != nil {
			return core, err
		}
		core.Step(l.At, in)
		if p.Stepped != nil {
			p.Stepped(l.At, in)
		}
	case l.Drain != nil:
		return core, p.drain(core, l.Drain)
	case l.End != "": // the limit, or an error of the recorder
	default:
		return core, errors.New("recorder: the line says nothing")
	}
	return core, nil
}

func (p Player) start(l line) (*monitor.Core, error) {
	if l.Start.Version != version {
		return nil, fmt.Errorf("recorder: the record has version %d, and this release knows only %d", l.Start.Version, version)
	}
	params, err := unmarshal[monitor.Params](l.Start.Params)
	if err != nil {
		return nil, err
	}
	if p.Started != nil {
		p.Started(l.At, params)
	}
	return monitor.New(l.At, params)
}

func (p Player) drain(core *monitor.Core, want *drain) error {
	var out monitor.Effects
	core.Drain(&out)
	if p.Drained != nil {
		p.Drained(&out)
	}
	got, err := encodeDrain(&out)
	if err != nil {
		return err
	}
	if len(got.Effects) != len(want.Effects) {
		return fmt.Errorf("%w: %d in place of %d", ErrDiffers, len(got.Effects), len(want.Effects))
	}
	for i := range got.Effects {
		if !bytes.Equal(got.Effects[i], want.Effects[i]) {
			return fmt.Errorf("%w: %s in place of %s", ErrDiffers, got.Effects[i], want.Effects[i])
		}
	}
	if !bytes.Equal(got.Persist, want.Persist) {
		return fmt.Errorf("%w: %s in place of %s", ErrDiffers, got.Persist, want.Persist)
	}
	return nil
}
