package recorder

import (
	"fmt"
	"io"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Print plays a record and writes what happens to w, one line for each input
// ("<"), effect (">"), save ("#") and event ("!"), behind the seconds since the
// start. What an effect of a save says happens when that was reported durable. The
// error is that of [Replay], or of w.
func Print(w io.Writer, r io.Reader) error {
	p := printer{w: w}
	core, err := Replay(r, Player{
		Started: func(now monitor.Instant, params monitor.Params) {
			p.began, p.now = now, now
			p.json("=", func() ([]byte, error) { return marshal(params) })
		},
		Stepped: func(now monitor.Instant, in monitor.Input) {
			p.now = now
			p.json("<", func() ([]byte, error) { return EncodeInput(in) })
		},
		Drained: p.drained,
	})
	if err == nil {
		p.line("=", fmt.Sprintf("the record ends; %d masters, current epoch %d", len(core.State().Masters), core.State().CurrentEpoch))
		err = p.err
	}
	return err
}

// printer writes lines until one fails.
type printer struct {
	w          io.Writer
	began, now monitor.Instant
	err        error
}

func (p *printer) line(mark, text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%12.6f %s %s\n", time.Duration(p.now-p.began).Seconds(), mark, text)
	}
}

func (p *printer) json(mark string, encode func() ([]byte, error)) {
	text, err := encode()
	if err != nil && p.err == nil {
		p.err = err
	}
	p.line(mark, string(text))
}

func (p *printer) drained(out *monitor.Effects) {
	p.effects(out.Free)
	if s := out.Persist; s != nil {
		p.json("#", func() ([]byte, error) { return marshal(*s) })
		p.effects(s.Then)
	}
}

func (p *printer) effects(list []monitor.Effect) {
	for _, e := range list {
		if e, ok := e.(monitor.Emit); ok {
			p.line("!", e.Event.Name()+" "+string(e.Event.AppendText(nil)))
			continue
		}
		p.json(">", func() ([]byte, error) { return EncodeEffect(e) })
	}
}
