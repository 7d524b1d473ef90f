// Package returns measures what an old master does that comes back.
//
// Each run starts servers and Sentinels as real processes and kills the master. When another
// one is in its place and the time is over for which it stays away, it is started again,
// while clients that know nothing but its address write to it. Each that it accepts until it
// is a replica is lost: accepted counts them. taken is how long it took writes, from the first
// acknowledgement to the last, and converted how long it was back until it was a replica.
//
// In the other measurement nobody replaces the master: the master, its replicas and all
// Sentinels are killed and started again at once, as by a power cut. delay is the longest time
// that a write to it waited then, over a connection that it had accepted.
package returns
