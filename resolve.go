package sentinel

import (
	"context"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// firstLookups bounds the time that a start waits for name servers. What is not
// answered by then goes on in the background.
const firstLookups = 2 * time.Second

// resolveMasters looks up the host names of masters before the core begins.
//
// The core asks for them too, but not before it has announced its masters. The
// first line about a master would then name the host, and all others its
// address: a reader of "+monitor" would know a master that no later event is about.
// A name without an answer is no error. It may get one later.
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
