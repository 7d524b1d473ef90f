package acl

import "slices"

// A Change reports which connections an edit ends: those of deleted users, and
// those with a subscription that their user is no longer allowed. After each
// edit, the server must call [Change.Ends] for each of its connections. The zero
// value ends only those of deleted users.
type Change struct {
	narrowed map[*User]*rules
}

// replace gives u new rules and records whether they take channels away.
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
// connection that is ended by its own command gets the reply first.
//
// A connection that is subscribing at this moment may be missed twice: its own
// check used the old rules, and Ends did not see the subscription yet. So check
// again once a subscription is in place.
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
