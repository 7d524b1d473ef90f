// Package traffic plays the applications of a Redis master that is replaced: clients
// that write all the time, follow the master or stick to the old one, wait in blocking
// commands, or subscribe. It remembers every write that was acknowledged, and says
// afterwards which of them are gone.
//
// Followers do what good client libraries do. They ask a Sentinel for the address, go
// where the latest +switch-master says, and after an error ask again; a connection
// whose address is still the right one is kept, so errors of a connection can add up.
// They repeat a write until it is acknowledged. Some hear no events and ask only after
// an error. Sticky clients know one address, and
// try each write once.
//
// Every write sets a bit of its own, in one key for each client, or appends its number
// to a list. So a write may be repeated, and one read of each key shows all that are left.
package traffic
