package archive

import (
	"errors"
	"fmt"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// write takes reports from the queue to the disk until the queue is closed.
func (a *Archive) write() {
	defer close(a.done)
	for r := range a.queue {
		batch := []journal.Report{r}
		for more := true; more && len(batch) < queued; {
			select {
			case r, ok := <-a.queue:
				if more = ok; ok {
					batch = append(batch, r)
				}
			default:
				more = false
			}
		}
		a.result(a.store(batch))
	}
}

// store adds reports to the file, or writes that anew.
func (a *Archive) store(batch []journal.Report) error {
	var text []byte
	sync := false
	for _, r := range batch {
		text = journal.AppendRecord(text, r)
		sync = sync || r.Over()
	}
	a.mu.Lock()
	missing := a.dropped > 0
	a.mu.Unlock()
	if missing || !a.whole || a.size+int64(len(text)) > int64(a.cfg.Bytes) || !a.unchanged() {
		return a.rewrite()
	}
	a.whole = false // until all has gone well
	err := a.add(text, sync)
	if err == nil {
		a.size += int64(len(text))
		a.whole = true
	}
	return err
}

// unchanged reports whether the file is as the writer has left it: nobody has removed
// or cut it.
func (a *Archive) unchanged() bool {
	info, err := a.cfg.FS.Stat(a.cfg.Path)
	return err == nil && info.Size() == a.size
}

// add writes text to the end of the file. What is not over yet is not worth the wait
// for the disk, which the state has to use as well: it survives the end of the process
// without it.
func (a *Archive) add(text []byte, sync bool) error {
	f, err := a.cfg.FS.Update(a.cfg.Path)
	if err != nil {
		return err
	}
	n, err := f.WriteAt(text, a.size)
	if err == nil && n < len(text) {
		err = errors.New("it was written in part only")
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// rewrite replaces the file by one with the newest reports, which takes half of what
// it may.
func (a *Archive) rewrite() error {
	a.mu.Lock()
	first, bytes := len(a.kept), 0
	for first > 0 && (bytes == 0 || bytes+a.kept[first-1].bytes <= a.cfg.Bytes/2) {
		first--
		bytes += a.kept[first].bytes
	}
	reports := make([]journal.Report, 0, len(a.kept)-first)
	for _, e := range a.kept[first:] {
		reports = append(reports, e.report)
	}
	was := a.dropped
	a.mu.Unlock()
	text := journal.Render(reports)
	a.whole = false
	if err := a.writer.Write(text, nil); err != nil {
		return err
	}
	a.size, a.whole = int64(len(text)), true
	a.mu.Lock()
	a.dropped -= was
	a.mu.Unlock()
	if was > 0 {
		a.cfg.Log(monitor.LevelNotice, fmt.Sprintf("The journal of failovers %s is written again; %d reports had to wait", a.cfg.Path, was))
	}
	return nil
}

// result says what went wrong, once, and that it is over.
func (a *Archive) result(err error) {
	text := ""
	if err != nil {
		if save := (*atomicfile.SaveError)(nil); errors.As(err, &save) {
			err = save.Err // a full disk is one, whichever step notices it
		}
		text = atomicfile.Cause(err).Error()
	}
	switch {
	case text == a.failed:
	case text == "":
		a.cfg.Log(monitor.LevelNotice, "The journal of failovers "+a.cfg.Path+" can be written again")
	default:
		a.cfg.Log(monitor.LevelWarning, "The journal of failovers "+a.cfg.Path+" cannot be written, so reports are kept in memory only: "+text)
	}
	a.failed = text
}
