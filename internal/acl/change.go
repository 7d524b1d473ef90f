package acl

import "slices"

// A Change tells which connections an edit ends: those of a deleted user, and
// those with a subscription that their user may not have any more. A Sentinel
// must ask it for each of its connections when the edit is done. The zero value
// ends none but those of deleted users.
type Change struct {
	narrowed map[*User]*rules
}

// replace gives u its new rules.
func (c *Change) replace(u *User, r *rules) {
	if !r.keepsChannelsOf(u.rules.Load()) {
		if c.narrowed == nil {
			c.narrowed = map[*User]*rules{}
		}
		c.narrowed[u] = r
	}
	u.rules.Store(r)
}

// Ends reports whether a connection of u with these subscriptions must end. A
// connection that ends itself by its own command gets the reply first.
//
// A connection that is just subscribing may be missed by both, its own check
// under the old rules and the look at its subscriptions under the new ones. So
// check again after a subscription is in place.
func (c Change) Ends(u *User, channels, patterns []string) bool {
	if u.Deleted() {
		return true
	}
	r := c.narrowed[u]
	if r == nil {
		return false
	}
	forbidden := func(pattern bool) func(string) bool {
		return func(name string) bool { return !r.allowsChannel(name, pattern) }
	}
	return slices.ContainsFunc(channels, forbidden(false)) || slices.ContainsFunc(patterns, forbidden(true))
}
