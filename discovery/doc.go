// Package discovery finds the master of a group that Redis Sentinels watch, and
// keeps knowing it: gosentinel, redis-sentinel and Valkey's alike. It needs nothing but the
// standard library.
//
//	r, err := discovery.New(discovery.Options{
//		Sentinels: []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
//		Master:    "cache",
//	})
//	if err != nil { ... }
//	go r.Run(ctx)
//
//	client := redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute})
//
// A client whose connections come from DialMaster needs to know nothing of
// Sentinels. During a failover it waits for the new master instead of failing;
// after it, no connection leads to the old one.
//
// # How it knows
//
// Every Sentinel is asked over a connection that stays, each Poll, and while there
// is no master about once a second. At each, it subscribes to +switch-master too.
// An event is a reason to ask all of them at once, and nothing more, for it has no
// epoch. Other reasons are: the connection on which the master's role is checked
// ends, a connection of DialMaster carries -READONLY, a connection cannot be made.
//
// Servers are asked for their ROLE: the one that is named, each Poll; and on every
// connection of DialMaster and DialReplica before it is handed out.
//
// # Whom it believes
//
// Sentinels contradict each other: during a failover, in a partition, when one has
// lost its memory, when one belongs to another group of the same name, when one
// lies. The master is the server
//
//  1. that more than half of those who answer name, all with the same epoch, and
//  2. that more than half of those heard in the last minute know: they name it, or list
//     it as a replica, and
//  3. that says itself that it is a master.
//
// Who states a higher epoch than these may be ahead of the others, who follow within
// two seconds, because Sentinels tell each other every two. Therefore:
//
//   - A new master is not believed while a Sentinel is ahead, unless what that names
//     says that it is no master; at most for five seconds. Then it is overruled, and
//     is not waited for again before it has agreed with the others once.
//   - The present master is in doubt for that time if the other server is known to most
//     and says that it is a master.
//   - A lower epoch than before is not believed until most have named it for five
//     seconds.
//   - If for five seconds the server that most name is no master, and another one that at
//     least two name with a higher epoch is known to most and is one, that is
//     believed. The same holds if no server is named by more than half; if
//     only two answer, one is enough.
//
// So one Sentinel of three or more that lies or errs cannot send anybody to a
// server that the others do not name, cannot make an epoch higher, and costs five
// seconds at most, and again only after it has told the truth. That holds while at
// least two others answer: it is believed if it is the only one that does and names a
// server that the others have known within the last minute, and of two that disagree
// the higher epoch wins after five seconds. More than half that lie are believed.
//
// While nobody contradicts, the master that was believed stays it as long as it says
// that it is one, even if no Sentinel answers any more. A master that is cut off
// together with its clients therefore goes on being written to; what such writes
// may do elsewhere is what the epoch is for: see Addr. For what they do to Redis
// see min-replicas-to-write.
//
// Sentinels that others list are asked too, up to 32 in all, if more than half of
// those that were named in the options list them. No password is sent to a
// server or Sentinel on the word of one if others answer.
//
// # Limits
//
// Whatever answers may be a stranger. A reply has at most 1 MiB and 32,768 values, and is
// stored only as far as it has arrived. Every exchange ends after Timeout. Who cannot be
// used is tried again after pauses that grow to five seconds and differ
// from process to process. At most 32 Sentinels are asked, 8 servers checked, and 256
// members of a list read. [Resolver.Status] says what is wrong with each.
package discovery
