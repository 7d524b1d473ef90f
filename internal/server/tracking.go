package server

import (
	"slices"
	"strings"
)

// tracking is the state of CLIENT TRACKING. It is stored because clients query it
// and rely on the rules of its options. No invalidation is ever sent, since a
// Sentinel has no keys.
type tracking struct {
	on, bcast, optIn, optOut, noLoop bool

	caching  bool     // CLIENT CACHING was sent; it applies to the next command
	redirect uint64   // id of the client that invalidations would go to; 0 = none
	prefixes []string // for bcast, sorted

	prefixBytes int // length of all prefixes
}

// Limits on what one client can make the server store.
const (
	maxPrefixes    = 1024
	maxPrefixBytes = 64 << 10

	tooManyPrefixes = "too many prefixes: a Sentinel keeps at most 1024 of together 65536 bytes for a client"
)

func (t *tracking) tooMany() bool {
	return len(t.prefixes) > maxPrefixes || t.prefixBytes > maxPrefixBytes
}

// flagLetters returns the letters for CLIENT LIST.
func (t *tracking) flagLetters() string {
	letters := ""
	if t.on {
		letters += "t"
		if t.bcast {
			letters += "B"
		}
	}
	return letters
}

// redir returns the number that CLIENT GETREDIR and CLIENT LIST show.
func (t *tracking) redir() int64 {
	if !t.on {
		return -1
	}
	return int64(t.redirect)
}

func cmdClientTracking(r *request) {
	next, ok := r.parseTracking()
	if !ok {
		return
	}
	c := r.client
	switch {
	case r.is(2, "off"):
		next = tracking{}
	case !r.is(2, "on"):
		r.fail("ERR", "syntax error")
		return
	default:
		if problem := next.conflict(&c.tracking); problem != "" {
			r.fail("ERR", problem)
			return
		}
		next.on = true
		next.merge(&c.tracking)
	}
	c.mu.Lock()
	c.tracking = next
	c.mu.Unlock()
	r.ok()
}

// parseTracking parses the options. If it returns false, it has already replied.
func (r *request) parseTracking() (t tracking, ok bool) {
	for i := 3; i < len(r.args); i++ {
		more := i+1 < len(r.args)
		switch {
		case r.is(i, "redirect") && more:
			i++
			if !r.parseRedirect(&t, i) {
				return t, false
			}
		case r.is(i, "prefix") && more:
			i++
			t.prefixes = append(t.prefixes, r.arg(i))
			if t.prefixBytes += len(r.args[i]); t.tooMany() {
				r.fail("ERR", tooManyPrefixes)
				return t, false
			}
		case r.is(i, "bcast"):
			t.bcast = true
		case r.is(i, "optin"):
			t.optIn = true
		case r.is(i, "optout"):
			t.optOut = true
		case r.is(i, "noloop"):
			t.noLoop = true
		default:
			r.fail("ERR", "syntax error")
			return t, false
		}
	}
	return t, true
}

func (r *request) parseRedirect(t *tracking, i int) bool {
	if t.redirect != 0 {
		r.fail("ERR", "A client can only redirect to a single other client")
		return false
	}
	id, ok := r.number(i)
	switch {
	case !ok:
		r.fail("ERR", notAnInteger)
		return false
	case id < 1 || !r.server.hasClient(uint64(id)):
		r.fail("ERR", "The client ID you want redirect to does not exist")
		return false
	}
	t.redirect = uint64(id)
	return true
}

// conflict says why the options of t cannot be switched on, either by themselves
// or while those of now are on, or "" if they can.
func (t *tracking) conflict(now *tracking) string {
	switch {
	case !t.bcast && len(t.prefixes) > 0:
		return "PREFIX option requires BCAST mode to be enabled"
	case now.on && now.bcast != t.bcast:
		return "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	case t.bcast && (t.optIn || t.optOut):
		return "OPTIN and OPTOUT are not compatible with BCAST"
	case t.optIn && t.optOut:
		return "You can't specify both OPTIN mode and OPTOUT mode"
	case t.optIn && now.optOut, t.optOut && now.optIn:
		return "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	}
	both := tracking{prefixes: slices.Concat(t.prefixes, now.prefixes), prefixBytes: t.prefixBytes + now.prefixBytes}
	if both.tooMany() {
		return tooManyPrefixes
	}
	return t.overlap(now, both.prefixes)
}

// overlap says which prefix of t overlaps with one of now or of t itself, the
// first as Redis finds it, or "". all holds the prefixes of both.
func (t *tracking) overlap(now *tracking, all []string) string {
	clashing := overlapping(all)
	const rule = "Prefixes for a single client must not overlap."
	for i, p := range t.prefixes {
		if !clashing[p] {
			continue
		}
		with := func(other string) bool { return strings.HasPrefix(p, other) || strings.HasPrefix(other, p) }
		if at := slices.IndexFunc(now.prefixes, with); at >= 0 {
			return "Prefix '" + p + "' overlaps with an existing prefix '" + now.prefixes[at] + "'. " + rule
		}
		// Its partner stands behind it, or it would have been found there.
		at := slices.IndexFunc(t.prefixes[i+1:], with)
		return "Prefix '" + p + "' overlaps with another provided prefix '" + t.prefixes[i+1+at] + "'. " + rule
	}
	return ""
}

// overlapping returns the prefixes of which one starts with another, and sorts
// all: each then stands right behind the longest that it starts with, or behind
// others that start with that one.
func overlapping(all []string) map[string]bool {
	slices.Sort(all)
	found := map[string]bool{}
	var starts []string // of the present one, each a start of the next
	for _, p := range all {
		for len(starts) > 0 && !strings.HasPrefix(p, starts[len(starts)-1]) {
			starts = starts[:len(starts)-1]
		}
		if len(starts) > 0 {
			found[p], found[starts[len(starts)-1]] = true, true
		}
		starts = append(starts, p)
	}
	return found
}

// merge adds the prefixes that were registered before. BCAST without a prefix
// means the empty prefix.
func (t *tracking) merge(now *tracking) {
	if !t.bcast {
		return
	}
	if len(t.prefixes) == 0 {
		t.prefixes = []string{""}
	}
	t.prefixes = append(t.prefixes, now.prefixes...)
	slices.Sort(t.prefixes)
	t.prefixes = slices.Compact(t.prefixes)
	t.prefixBytes = 0
	for _, p := range t.prefixes {
		t.prefixBytes += len(p)
	}
}

func cmdClientCaching(r *request) {
	t := &r.client.tracking
	switch {
	case !t.on:
		r.fail("ERR", "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	case r.is(2, "yes") && !t.optIn:
		r.fail("ERR", "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	case r.is(2, "no") && !t.optOut:
		r.fail("ERR", "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	case r.is(2, "yes"), r.is(2, "no"):
		t.caching = true
		r.ok()
	default:
		r.fail("ERR", "syntax error")
	}
}

func cmdClientGetRedir(r *request) { r.integer(r.client.tracking.redir()) }

func cmdClientTrackingInfo(r *request) {
	t := &r.client.tracking
	flags := []string{"off"}
	if t.on {
		flags[0] = "on"
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{t.bcast, "bcast"},
		{t.optIn, "optin"}, {t.optIn && t.caching, "caching-yes"},
		{t.optOut, "optout"}, {t.optOut && t.caching, "caching-no"},
		{t.noLoop, "noloop"},
	} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	r.mapping(3)
	r.bulk("flags")
	r.set(len(flags))
	for _, f := range flags {
		r.bulk(f)
	}
	r.bulk("redirect")
	r.integer(t.redir())
	r.bulk("prefixes")
	r.bulks(t.prefixes)
}
