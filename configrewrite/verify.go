package configrewrite

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/gosentinel/sentinel/monitor"
)

// errVerify is the reason why a rendered text is not written.
var errVerify = errors.New("the rendered configuration does not hold the state it should; the file is left as it is")

// Verify reports whether rendered, the result of Render for st, would be read
// back as st. Mistakes that the operator made elsewhere in the file are not
// counted: they must not stop this Sentinel from recording its votes, and are
// reported at the next start.
func (d *Document) Verify(rendered []byte, st monitor.State) error {
	src := d.source
	src.Include, src.Resolve, src.Executable, src.CheckDir, src.CheckUsers, src.Overrides = nil, nil, nil, nil, nil, nil
	src.keepNames = true
	var got *Document
	if src.Format == FormatTOML {
		verifier := *d
		verifier.source = src
		verifier.State = d.asked.state()
		_, state := cutState(rendered)
		doc, err := verifier.withState(position{file: src.Name}, state)
		if err != nil {
			return fmt.Errorf("%w: %w", errVerify, err)
		}
		got = doc
	} else {
		doc, err := Parse(rendered, src)
		if err := d.ownProblem(err); err != nil {
			return fmt.Errorf("%w: %w", errVerify, err)
		}
		got = doc
	}
	if level := d.liveSettings().LogLevel; d.live.LogLevel != "" && got.Settings.LogLevel != level {
		return fmt.Errorf("%w: the log level is %s instead of %s", errVerify, got.Settings.LogLevel, level)
	}
	if err := d.verifyUsers(got.Settings.Users); err != nil {
		return err
	}
	return compareStates(got.State, fileState(st), src.Format)
}

// ownProblem returns the first problem in a line that Render writes.
func (d *Document) ownProblem(err error) error {
	var all *Error
	if !errors.As(err, &all) {
		return err
	}
	for _, p := range all.Problems {
		if key := lineKey(p.Text); handledKey(key) && !d.isStrange(key) {
			return &Error{Problems: []Problem{p}}
		}
	}
	return nil
}

func compareStates(got, want monitor.State, format Format) error {
	if got.Options != want.Options {
		return fmt.Errorf("%w: the options differ", errVerify)
	}
	if got.CurrentEpoch != want.CurrentEpoch {
		return fmt.Errorf("%w: current epoch %d instead of %d", errVerify, got.CurrentEpoch, want.CurrentEpoch)
	}
	if len(got.Masters) != len(want.Masters) {
		return fmt.Errorf("%w: %d masters instead of %d", errVerify, len(got.Masters), len(want.Masters))
	}
	byName := make(map[string]*monitor.MasterState, len(got.Masters))
	for i := range got.Masters {
		byName[got.Masters[i].Name] = got.Masters[i]
	}
	for i := range want.Masters {
		g := byName[want.Masters[i].Name]
		if g != nil && format == FormatConf {
			g.NeverLead = want.Masters[i].NeverLead // kept by the operator's own line only
		}
		if g == nil || !reflect.DeepEqual(g, want.Masters[i]) {
			return fmt.Errorf("%w: master %q differs", errVerify, want.Masters[i].Name)
		}
	}
	return nil
}
