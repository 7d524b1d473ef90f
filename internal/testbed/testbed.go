package testbed

import (
	"context"
	"time"

	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
)

// Setup is what a test sets up in one Sentinel. Every field must be set.
type Setup struct {
	// Store takes the place of the state file.
	Store Store
	// Seed is the seed of every random choice.
	Seed uint64
	// Clock returns the time since some moment before the start. It is called by
	// many goroutines at once and never goes back.
	Clock func() time.Duration
	// Tunables are the periods and limits of the core.
	Tunables monitor.Tunables
	// Running is called before the Sentinel is ready, with the loop that owns its
	// core.
	Running func(server.Engine)
}

// Store keeps the state of a Sentinel.
type Store interface {
	// Load returns the state to start with, given what the configuration says.
	Load(configured monitor.State) monitor.State
	// Save makes a state durable. It must not change st, and may keep it.
	Save(st monitor.State) error
}

type key struct{}

// With returns a context that carries a setup to Run.
func With(ctx context.Context, s Setup) context.Context { return context.WithValue(ctx, key{}, &s) }

// From returns the setup in ctx, or nil.
func From(ctx context.Context) *Setup {
	s, _ := ctx.Value(key{}).(*Setup)
	return s
}
