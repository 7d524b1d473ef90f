package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gosentinel/sentinel/configrewrite"
)

// Store keeps the state of a Sentinel for an embedding program.
type Store interface {
	// Load returns what was saved last: nil, or an error that is [fs.ErrNotExist], if
	// nothing was.
	Load(ctx context.Context) ([]byte, error)
	// Save makes state durable.
	Save(ctx context.Context, state []byte) error
}

// useStore reads the state from a store. Saves have the context saving.
func (n *Node) useStore(ctx, saving context.Context, store Store, base configrewrite.Config) error {
	text, err := bounded(ctx, func() ([]byte, error) { return store.Load(ctx) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = nil
	case err != nil:
		return fmt.Errorf("sentinel: the state cannot be loaded from the store: %w", err)
	}
	file, err := n.newIn(configrewrite.Place{
		Name: "the store", Text: slices.Clone(text),
		Save: func(state []byte) error { return store.Save(saving, slices.Clone(state)) },
	}, base)
	if err != nil {
		return err
	}
	n.use(file)
	return errors.Join(n.useRenames(), n.useACL())
}

func (n *Node) newIn(place configrewrite.Place, base configrewrite.Config) (*configrewrite.File, error) {
	return n.loader().NewIn(place, base)
}

// bounded waits for f until ctx ends. If f does not end by then, its goroutine is
// left behind: nothing can end a write that hangs in the operating system, or a
// store that does not look at its context.
func bounded[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select { // it may end together with ctx
	case r := <-done:
		return r.value, r.err
	default:
		var none T
		return none, context.Cause(ctx)
	}
}
