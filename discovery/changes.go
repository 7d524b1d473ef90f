package discovery

import (
	"context"
	"iter"
	"slices"
)

// Changes yields what is known now and then every change, until the context or
// Run ends. Who is slow misses steps in between and never the latest one; nothing
// is queued, and nobody waits for the loop body.
//
// The first View has no master unless one is known already.
func (r *Resolver) Changes(ctx context.Context) iter.Seq[View] {
	return func(yield func(View) bool) {
		first, last := true, View{}
		for ctx.Err() == nil {
			r.mu.Lock()
			v, ended, changed := r.view, r.ended, r.changed
			r.mu.Unlock()
			if ended {
				return
			}
			if first || !v.equal(last) {
				first, last = false, v
				if !yield(View{v.Master, slices.Clone(v.Replicas)}) {
					return
				}
				continue // there may be news already
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}
