package sentinel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// book is a resolver that knows some names.
type book struct {
	mu    sync.Mutex
	names map[string]string
}

func (b *book) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ip, ok := b.names[host]
	if !ok || network != "ip" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(ip)}, nil
}

// TestResolver: names are looked up where the program says, at the start, when a
// master is added, and for failovers; with a state file and without.
func TestResolver(t *testing.T) {
	for name, file := range map[string]string{"memory": "", "file": filepath.Join(t.TempDir(), "state.toml")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				names := &book{names: map[string]string{"one.test": "10.0.0.1", "two.test": "10.0.0.2"}}
				dialed := make(chan string, 100)
				s, end := run(t, Config{
					Resolver: names, ResolveHostnames: true, StateFile: file, Masters: []MasterConfig{{Name: "one", Addr: "one.test:1", Quorum: 1}},
					Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
						select {
						case dialed <- addr:
						default:
						}
						return nil, errors.New("not today")
					},
				})
				<-s.Ready()
				if got := <-dialed; got != "10.0.0.1:1" {
					t.Errorf("it dials %s", got)
				}
				ctx := t.Context()
				if err := s.Monitor(ctx, MasterConfig{Name: "two", Addr: "two.test:2", Quorum: 1}); err != nil {
					t.Error(err)
				}
				for got := ""; got != "10.0.0.2:2"; {
					got = <-dialed
				}
				if err := s.Monitor(ctx, MasterConfig{Name: "three", Addr: "three.test:3", Quorum: 1}); err == nil || !strings.Contains(err.Error(), `"three.test" cannot be resolved: lookup three.test: no such host`) {
					t.Errorf("an unknown name: %v", err)
				}
				if _, err := s.Failover(ctx, "one", FailoverOptions{To: "two.test:2"}); err == nil || !strings.Contains(err.Error(), "is not a replica") {
					t.Errorf("to a server that is no replica: %v", err)
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDialAndResolverReturnNothing: what a program's functions should never return is an
// error like others, and takes nothing down.
func TestDialAndResolverReturnNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, end := run(t, Config{
			Resolver: invalid{}, ResolveHostnames: true,
			Masters: []MasterConfig{{Name: "m", Addr: "10.0.0.1:1", Quorum: 1}, {Name: "named", Addr: "one.test:1", Quorum: 1}},
			Dial:    func(context.Context, string, string) (net.Conn, error) { return nil, nil },
		})
		<-s.Ready()
		time.Sleep(time.Minute)
		if m, err := s.Master(t.Context(), "m"); err != nil || !strings.Contains(m.Trouble, "neither a connection nor an error") {
			t.Errorf("%+v, %v", m.Status, err)
		}
		if m, err := s.Master(t.Context(), "named"); err != nil || m.Addr != "one.test:1" || !m.Down() {
			t.Errorf("%+v, %v", m, err)
		}
		if err := s.Monitor(t.Context(), MasterConfig{Name: "two", Addr: "two.test:1", Quorum: 1}); err == nil || !strings.Contains(err.Error(), `"two.test" has no address`) {
			t.Errorf("Monitor: %v", err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// invalid resolves every name to an address that is none.
type invalid struct{}

func (invalid) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{{}}, nil
}
