package monitor

import "time"

// Some things are sent more often than a stock Sentinel sends them, while a failover may
// depend on them: questions about a master that is down, INFO that a failover waits for, attempts
// to connect. Where that concerns a thousand masters at once, it would cost more than all
// else. So one budget limits what is sent sooner than stock would; what stock would have sent by
// then is never held back, nor is what is sent for the first time.

// hurryRate is how much a second the budget allows, and hurryBurst how much at once after a
// time of rest.
const (
	hurryRate  = 4000
	hurryBurst = 1000
)

// hurryTime is for how long one trouble is watched as closely as possible.
const hurryTime = 2 * time.Second

// fenceRate is how many connections a second all fences together try to open sooner than
// every PING period. They have a budget of their own: an attempt costs more than a question,
// and a thousand servers that are dialled must not hold up an election.
const fenceRate = 1000

// budget is a token bucket.
type budget struct {
	every  time.Duration // between two tokens; 0: tokenTime
	next   Instant       // of the next token; in the past: some were saved up
	spent  uint64
	waited uint64 // how often there was none
}

const (
	tokenTime = time.Second / hurryRate
	// savedUp is how much a budget allows at once after a time of rest.
	savedUp = hurryBurst * tokenTime
)

func (b *budget) gap() time.Duration {
	if b.every != 0 {
		return b.every
	}
	return tokenTime
}

// reserve takes a token and returns when it may be used. If there is none before latest,
// it takes none and returns that.
func (b *budget) reserve(now, latest Instant) Instant {
	token := max(b.next, now.Add(-savedUp))
	if token > now {
		b.waited++
	}
	if token >= latest {
		return latest
	}
	b.next = token.Add(b.gap())
	b.spent++
	return max(token, now)
}

// take takes n tokens if they are there.
func (b *budget) take(now Instant, n int) bool {
	last := max(b.next, now.Add(-savedUp)).Add(time.Duration(n) * b.gap())
	if last > now {
		b.waited++
		return false
	}
	b.next = last
	b.spent += uint64(n)
	return true
}

// hurry returns from when something may be sent again that is due a gap after the last
// time and that stock would send after a period. In slot it remembers what was reserved.
func (c *Core) hurry(now Instant, slot *Instant, last Instant, gap, period time.Duration) Instant {
	return c.budget.hurry(now, slot, last, gap, period)
}

func (b *budget) hurry(now Instant, slot *Instant, last Instant, gap, period time.Duration) Instant {
	due := last.Add(gap)
	if now < due || gap >= period {
		return due
	}
	if *slot < due {
		*slot = b.reserve(now, last.Add(period))
	}
	return *slot
}

// eased returns the gap between two tries in a trouble of some age: fast at first, and
// after hurryTime the age divided by share, but longest at most.
func eased(fast, age time.Duration, share int, longest time.Duration) time.Duration {
	if age < hurryTime {
		return fast
	}
	return min(max(fast, age/time.Duration(share)), longest)
}

// Hurry tells of the budget for what is sent sooner than stock would send it.
type Hurry struct {
	Spent  uint64 // how much was sent so
	Waited uint64 // how often something was put off, to when stock would send it at most
	Left   int    // how much may be sent now
}

// Hurry returns how much of the budget for what is hurried was used.
func (c *Core) Hurry(now Instant) Hurry {
	left := now.Sub(c.budget.next) / tokenTime
	return Hurry{Spent: c.budget.spent, Waited: c.budget.waited, Left: int(min(max(left, 0), hurryBurst))}
}
