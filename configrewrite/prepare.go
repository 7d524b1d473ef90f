package configrewrite

import (
	"reflect"

	"github.com/gosentinel/sentinel/monitor"
)

// prepared is a state that lies ready beside the file. The zero value: none does.
type prepared struct {
	rendered
	state monitor.State
	ok    bool
}

// Prepare makes ready what Save has to do for st, which is likely to be the next
// state: only a rename is left then. It is a hint. A state that differs from st is
// saved as ever, and what fails here is for Save to tell.
func (f *File) Prepare(st monitor.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discard()
	if f.put != nil {
		return
	}
	r, err := f.render(st)
	if err == nil && f.out.Prepare(r.text, r.seen) {
		f.next = prepared{r, st, true}
	}
}

// Discard removes what Prepare has left beside the file. No Save follows.
func (f *File) Discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discard()
}

func (f *File) discard() {
	f.next = prepared{}
	f.out.Discard()
}

// saveReady saves st if it lies ready, and reports whether it did. The file must be as
// it was then: lines that an operator has changed since are kept.
func (f *File) saveReady(st monitor.State) bool {
	r := f.next
	if !r.ok || !reflect.DeepEqual(r.state, st) || !reflect.DeepEqual(r.live, f.live()) {
		return false
	}
	f.next = prepared{}
	f.judge(r.rendered)
	if f.out.Commit() != nil {
		return false
	}
	f.wrote(r.rendered, st)
	return true
}
