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
// with one identity would vote twice.
func (n *Node) lockState(ctx context.Context, log logfile.Sink) (unlock func(), err error) {
	if _, ok := n.store.(*configrewrite.File); !ok || n.journalAt == "" { // it is in no file
		return func() {}, nil
	}
	lock, err := bounded(ctx, func() (*filelock.Lock, error) { return filelock.Take(n.journalAt) })
	var held *filelock.HeldError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("%w: %w; end that one, or give this one a file of its own", ErrStateInUse, held)
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		log.Log(monitor.LevelWarning, "The state cannot be locked, so a second Sentinel that is started on it would go unnoticed: "+err.Error())
	}
	file, err := n.lockedFile(ctx, log)
	if err != nil {
		lock.Release()
		return nil, err
	}
	return func() { file.Close(lock.Release) }, nil
}

// lockedFile returns the file, which is read again if a predecessor has saved since the
// Node was made.
func (n *Node) lockedFile(ctx context.Context, log logfile.Sink) (*configrewrite.File, error) {
	file := n.store.(*configrewrite.File)
	unchanged, err := bounded(ctx, func() (bool, error) { return file.Unchanged(), nil })
	switch {
	case err != nil || n.reread == nil && unchanged: // Open has found out whether it can be written
		return file, err
	case n.reread == nil:
		return nil, fmt.Errorf("sentinel: %s has been changed during the start; start again", n.journalAt)
	case !unchanged:
		if file, err = bounded(ctx, n.reread); err != nil {
			return nil, err
		}
		n.use(file)
		for _, w := range n.warnings {
			log.Log(monitor.LevelWarning, w)
		}
		if err := errors.Join(n.useRenames(), n.useACL()); err != nil {
			return nil, err
		}
	}
	_, err = bounded(ctx, func() (any, error) { return nil, file.CheckWritable() })
	return file, err
}
