package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/filelock"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/monitor"
)

// ErrStateInUse is what [Node.Run] returns when another Sentinel works on the same file.
var ErrStateInUse = errors.New("sentinel: another Sentinel keeps its state in this file")

// lockState keeps others from the file of the state until unlock is called. Two Sentinels
// with one identity would vote twice. What a predecessor has saved since the file was read
// is read again.
func (n *Node) lockState(ctx context.Context, log logfile.Sink) (unlock func(), err error) {
	file, ok := n.store.(*configrewrite.File)
	if !ok || n.journalAt == "" { // it is in no file
		return func() {}, nil
	}
	unchanged := false
	lock, err := bounded(ctx, func() (*filelock.Lock, error) {
		lock, err := filelock.Take(n.journalAt)
		unchanged = file.Unchanged()
		return lock, err
	})
	var held *filelock.HeldError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("%w: %w; end that one, or give this one a file of its own", ErrStateInUse, held)
	case ctx.Err() != nil:
		lock.Release()
		return nil, context.Cause(ctx)
	case err != nil:
		log.Log(monitor.LevelWarning, "The state cannot be locked, so a second Sentinel that is started on it would go unnoticed: "+err.Error())
	}
	if !unchanged {
		if err := n.readAgain(log); err != nil {
			lock.Release()
			return nil, err
		}
		file = n.store.(*configrewrite.File)
	}
	return func() { file.Close(lock.Release) }, nil
}

// readAgain reads a file that has been changed since the Node was made.
func (n *Node) readAgain(log logfile.Sink) error {
	if n.reread == nil {
		return fmt.Errorf("sentinel: %s has been changed during the start; start again", n.journalAt)
	}
	file, err := n.reread()
	if err != nil {
		return err
	}
	n.use(file)
	for _, w := range n.warnings {
		log.Log(monitor.LevelWarning, w)
	}
	return errors.Join(n.useRenames(), n.useACL())
}
