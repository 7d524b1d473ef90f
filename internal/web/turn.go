package web

import (
	"context"
	"sync"
)

// turn is a lock for which one need not wait without end. The zero value is open.
type turn struct {
	once sync.Once
	c    chan struct{}
}

func (t *turn) take(ctx context.Context) error {
	t.once.Do(func() { t.c = make(chan struct{}, 1) })
	select {
	case t.c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) give() { <-t.c }
