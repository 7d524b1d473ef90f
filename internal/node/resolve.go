package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// firstLookups bounds the time that a start waits for name servers. Names that
// are not resolved by then are resolved in the background.
const firstLookups = 2 * time.Second

// resolveMasters looks up the host names of masters before the core starts.
//
// The core resolves them too, but only after it has announced its masters. The
// first event about a master would then show its host name and all later ones its
// address, so a reader of "+monitor" would know a master that no later event
// mentions. A name that does not resolve is not an error: it may resolve later.
func resolveMasters(ctx context.Context, st *monitor.State, lookup func(context.Context, string) string) {
	if !st.Options.ResolveHostnames {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstLookups)
	defer cancel()
	var work sync.WaitGroup
	room := make(chan struct{}, lookupsAtOnce)
	for i := range st.Masters {
		addr := &st.Masters[i].Addr
		if addr.IP != "" {
			continue
		}
		work.Go(func() {
			select {
			case room <- struct{}{}:
				addr.IP = lookup(ctx, addr.Host)
				<-room
			case <-ctx.Done():
			}
		})
	}
	work.Wait()
}

// Resolver looks host names up. It is the form of [net.Resolver].
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolver looks host names up for the core.
type resolver struct {
	names  Resolver
	source netip.Addr // where connections come from; the zero value when that is open
}

func newResolver(names Resolver, bindSource string) resolver {
	if names == nil {
		names = net.DefaultResolver
	}
	source, _ := netip.ParseAddr(bindSource) // a bad one is reported with each connection
	return resolver{names, source.Unmap()}
}

// lookup returns the addresses of a host name, in canonical text form and in the
// order of the system, or nil on failure.
func (r resolver) lookup(ctx context.Context, host string) []string {
	addrs, err := r.names.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	return r.usable(addrs)
}

// usable leaves out what cannot be reached from the source address, because it
// belongs to the other family. If nothing would be left, all are kept, so that
// the attempt to connect says what is wrong.
func (r resolver) usable(addrs []netip.Addr) []string {
	var all, same []string
	for _, a := range addrs {
		if a = a.Unmap(); !a.IsValid() {
			continue // a resolver of the program may return anything
		}
		text := a.String()
		if slices.Contains(all, text) {
			continue
		}
		all = append(all, text)
		if a.Is4() == r.source.Is4() {
			same = append(same, text)
		}
	}
	if r.source.IsValid() && len(same) > 0 {
		return same
	}
	return all
}

// first returns the first of the addresses of a host name, or "" on failure.
func (r resolver) first(ctx context.Context, host string) string {
	if addrs := r.lookup(ctx, host); len(addrs) > 0 {
		return addrs[0]
	}
	return ""
}

// one is first with an error in words, for those who tell a user.
func (r resolver) one(ctx context.Context, host string) (string, error) {
	addrs, err := r.names.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	if usable := r.usable(addrs); len(usable) > 0 {
		return usable[0], nil
	}
	return "", fmt.Errorf("%q has no address", host)
}
