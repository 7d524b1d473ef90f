package sentinel

import (
	"context"
	"net"
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

// lookupIP resolves a host name to the first address that the system returns, in
// canonical text form, or "" on failure.
func lookupIP(ctx context.Context, host string) string {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return ""
	}
	return addrs[0].Unmap().String()
}
