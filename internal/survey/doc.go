// Package survey asks Sentinels and servers what they are and what they know of each other,
// and keeps the answers side by side, for code that judges or shows them.
//
//	s := survey.Take(ctx, survey.Options{Addrs: []string{"10.0.0.5:26379"}})
//	for _, sentinel := range s.Sentinels { … sentinel.Masters … }
//
// It begins with some addresses and goes on with those that it is told: the other Sentinels of
// each master, the masters and their replicas. Whoever answers may be a stranger, and may say
// anything or nothing: each has a bounded time, and all together have a bounded number, time
// and memory. What could not be asked is part of the answer, with the reason.
//
// Nothing is changed where it asks. Whether a server would obey a Sentinel is found out in a
// transaction that is never executed (rights.go).
package survey
