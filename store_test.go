package sentinel

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// faultyStore is a MemoryStore that fails or hangs on request.
type faultyStore struct {
	MemoryStore
	mu    sync.Mutex
	fail  error
	hang  bool
	deaf  chan struct{} // while it hangs, only closing this ends it; nil: the context does
	saves int
}

func (f *faultyStore) set(fail error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.hang = fail, hang
}

// count returns how often something was to be saved.
func (f *faultyStore) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saves
}

func (f *faultyStore) fault(ctx context.Context) error {
	f.mu.Lock()
	fail, hang, deaf := f.fail, f.hang, f.deaf
	f.mu.Unlock()
	switch {
	case hang && deaf != nil:
		<-deaf
	case hang:
		<-ctx.Done()
		return ctx.Err()
	}
	return fail
}

func (f *faultyStore) Load(ctx context.Context) ([]byte, error) {
	if err := f.fault(ctx); err != nil {
		return nil, err
	}
	return f.MemoryStore.Load(ctx)
}

func (f *faultyStore) Save(ctx context.Context, state []byte) error {
	f.mu.Lock()
	f.saves++
	f.mu.Unlock()
	if err := f.fault(ctx); err != nil {
		return err
	}
	return f.MemoryStore.Save(ctx, state)
}

// offline is the configuration of a Sentinel without any network.
func offline(store Store) Config {
	return Config{Store: store, Dial: noDial, Masters: []MasterConfig{{Name: "m", Addr: "127.0.0.1:1", Quorum: 1}}}
}

// run starts a Sentinel; end stops it and returns what Run returned.
func run(t *testing.T, cfg Config) (s *Sentinel, end func() error) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, runs(s)
}

// runs is run for a Sentinel that was made before.
func runs(s *Sentinel) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	return func() error { cancel(); return <-ran }
}

// TestStoreSurvives: a Sentinel that is made anew on a store has the identity and the
// masters of the one before.
func TestStoreSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(MemoryStore)
		s, end := run(t, offline(store))
		<-s.Ready()
		ctx := t.Context()
		if err := errors.Join(s.Monitor(ctx, MasterConfig{Name: "added", Addr: "10.0.0.1:6379", Quorum: 2}), s.Remove(ctx, "m")); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		first, _ := store.Load(ctx)
		s, end = run(t, offline(store))
		<-s.Ready()
		if ms := masters(s); len(ms) != 1 || ms[0].Name != "added" || ms[0].Config.Quorum != 2 {
			t.Errorf("after the restart: %+v", ms)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		second, _ := store.Load(ctx)
		if id := line(first, "myid = "); id == "" || id != line(second, "myid = ") {
			t.Errorf("identities %q and %q", line(first, "myid = "), line(second, "myid = "))
		}
	})
}

// line returns the first line of a text that begins so.
func line(text []byte, prefix string) string {
	for l := range strings.Lines(string(text)) {
		if strings.HasPrefix(strings.TrimSpace(l), prefix) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// TestStoreWithGarbage: what this release has not saved is refused, and left as it is.
func TestStoreWithGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := new(MemoryStore)
		s, end := run(t, offline(good))
		<-s.Ready()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		text, _ := good.Load(t.Context())
		newer := strings.Replace(string(text), "version = 1", "version = 2", 1)
		for _, c := range []struct{ name, text, says string }{
			{"empty", "", "not a state file"},
			{"garbage", "<html>503</html>", "not a state file"},
			{"truncated", string(text[:len(text)/2]), "truncated"},
			{"a flipped bit", strings.Replace(string(text), "myid = \"", "myid = \"\x00", 1), "checksum"},
			{"newer", newer, "has the version 2, and this release knows only 1"},
		} {
			store := new(faultyStore)
			_ = store.MemoryStore.Save(t.Context(), []byte(c.text))
			if c.text == "" {
				store.state = []byte{}
			}
			s, err := New(offline(store))
			if err != nil {
				t.Fatal(err)
			}
			err = s.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "the store") {
				t.Errorf("%s: %v, want %q", c.name, err, c.says)
			}
			if got, _ := store.MemoryStore.Load(t.Context()); string(got) != c.text || store.count() != 0 {
				t.Errorf("%s was overwritten", c.name)
			}
		}
	})
}

// TestStoreThatFails: as with a disk that fails, the Sentinel works on and says so.
func TestStoreThatFails(t *testing.T) {
	full := errors.New("the database is full")
	for name, hang := range map[string]bool{"fails": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, store := t.Context(), new(faultyStore)
				s, end := run(t, offline(store))
				<-s.Ready()
				store.set(full, hang)
				if err := s.Monitor(ctx, MasterConfig{Name: "n", Addr: "127.0.0.1:2", Quorum: 1}); !errors.Is(err, ErrNotSaved) || strings.Contains(err.Error(), "logs") {
					t.Errorf("Monitor: %v", err)
				}
				if len(masters(s)) != 2 {
					t.Error("what could not be saved does not stand")
				}
				if err := s.Remove(ctx, "m"); !errors.Is(err, ErrNotSaved) {
					t.Errorf("Remove: %v", err)
				}
				var unhealthy *HealthError
				if err := s.Health(ctx); !errors.As(err, &unhealthy) || unhealthy.Check != "store" {
					t.Errorf("Health: %v", err)
				}
				if hang {
					// The write under way ends with Run, not before.
					time.Sleep(time.Minute)
					if n := store.count(); n != 2 {
						t.Errorf("%d saves while one hangs", n)
					}
					if err := end(); err != nil {
						t.Error(err)
					}
					return
				}
				store.set(nil, false)
				time.Sleep(2 * time.Second) // it is tried again every second
				if err := s.Health(ctx); err != nil {
					t.Errorf("Health once it works again: %v", err)
				}
				if err := end(); err != nil {
					t.Error(err)
				}
				if text, _ := store.Load(ctx); line(text, `name = "n"`) == "" {
					t.Errorf("what failed was not saved later: %s", text)
				}
			})
		})
	}
}

// TestStoreAtTheStart: Run ends with its context while the store hangs, also one that
// does not look at it, and with the error of one that fails.
func TestStoreAtTheStart(t *testing.T) {
	down := errors.New("no route to the database")
	synctest.Test(t, func(t *testing.T) {
		for _, deaf := range []chan struct{}{nil, make(chan struct{})} {
			store := &faultyStore{hang: true, deaf: deaf}
			_, end := run(t, offline(store))
			synctest.Wait()
			if err := end(); err != nil {
				t.Errorf("ended while Load hangs: %v", err)
			}
			if deaf != nil {
				close(deaf)
			}
		}
		s, err := New(offline(&faultyStore{fail: down}))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); !errors.Is(err, down) || !strings.Contains(err.Error(), "cannot be loaded from the store") {
			t.Errorf("a Load that fails: %v", err)
		}
		s, err = New(offline(&faultyStore{fail: fs.ErrNotExist}))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "the new identity cannot be saved") {
			t.Errorf("a first Save that fails: %v", err)
		}
	})
}
