package web

import (
	"context"
	"time"
)

// Fresh is a value that is made anew when somebody asks for it and it is older than
// Age. Those who ask while it is being made share the result.
type Fresh[T any] struct {
	Age  time.Duration
	Make func(context.Context) (T, error)

	turn  turn
	value T
	until time.Time
}

// Get returns the value, or the error of making it, which it waits for two seconds at
// most.
func (f *Fresh[T]) Get(ctx context.Context) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var none T
	if err := f.turn.take(ctx); err != nil {
		return none, err
	}
	defer f.turn.give()
	if time.Now().Before(f.until) {
		return f.value, nil
	}
	v, err := f.Make(ctx)
	if err != nil {
		return none, err
	}
	f.value, f.until = v, time.Now().Add(f.Age)
	return v, nil
}
