package sentinel

import (
	"context"
	"slices"
	"sync"

	"github.com/gosentinel/sentinel/internal/node"
)

// Store keeps the state of a Sentinel: its identity, epochs, votes and what it has
// learned, as a text of some kilobytes. Votes depend on it: what Save has promised to
// keep must survive a crash and a power cut, and one Store must not be used by two
// Sentinels.
//
// Calls come one at a time, and Run waits for Load and for the first Save. Later a
// Save that fails or hangs does not hold the Sentinel up: it works on, gives no new
// vote, and says so (see [Sentinel.Health]). A failed Save is repeated every second,
// with what the state is by then.
type Store interface {
	// Load returns what was saved last: nil, or an error that is [fs.ErrNotExist],
	// if nothing was. Run refuses to start with a text that it did not save, or that
	// a newer version did, and leaves it as it is.
	Load(ctx context.Context) ([]byte, error)

	// Save replaces what was saved before. It returns nil once state is durable. After
	// an error the store must hold either what it held before, or state. The context
	// ends some seconds after Run was told to end: a Save must not be given up
	// earlier, as it could then take effect after the next one.
	Save(ctx context.Context, state []byte) error
}

var _ node.Store = Store(nil)

// MemoryStore is a [Store] in memory: a Sentinel can be stopped and made anew within a
// process. The zero value is empty. It is safe for concurrent use.
type MemoryStore struct {
	mu    sync.Mutex
	state []byte
}

// Load implements [Store].
func (m *MemoryStore) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.state), nil
}

// Save implements [Store].
func (m *MemoryStore) Save(_ context.Context, state []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = slices.Clone(state)
	return nil
}
