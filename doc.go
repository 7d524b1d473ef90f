// Package sentinel is a Redis Sentinel as a library. It monitors Redis or Valkey
// masters, agrees with other Sentinels (gosentinel or redis-sentinel) that one is
// down, promotes a replica, and gives clients the new address. The daemon
// cmd/gosentinel runs the same code.
//
//	s, err := sentinel.New(sentinel.Config{
//		Listen:    ":26379", // "" for a library without a RESP server
//		StateFile: "/var/lib/sentinel/state.toml",
//		Masters:   []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2}},
//	})
//	...
//	err = s.Run(ctx) // blocks; no goroutine outlives it
//
// # While it runs
//
// The channel of [Sentinel.Ready] is closed once it works. From then on masters are
// added and changed with [Sentinel.Monitor], [Sentinel.Update], [Sentinel.Remove] and
// [Sentinel.Reset]; what such a call has changed is durable when it returns.
// [Sentinel.Failover] makes a failover, and [Sentinel.Pause] puts them off. Errors are to
// be compared with [errors.Is] and [errors.As].
//
// [Sentinel.Masters], [Sentinel.Replicas] and [Sentinel.Peers] tell what is known now.
// [Sentinel.Events] is the stream of what happens, as types of package event.
// [Sentinel.Failovers] tells why a failover happened and how it went, in reports of
// package journal. [Sentinel.Health] is for probes.
//
// A [Policy] has a say in the failovers that this Sentinel makes: it may delay or veto one,
// and prefer a replica.
//
// Every call takes a context and returns when that ends. A change that was under way
// may then still be made.
//
// # What belongs to the program
//
// The program may bring its own sockets (Config.Listener and Config.Dial), its own
// [Resolver] and log, and its own place for the state ([Store]). The package leaves what a process has only
// one of alone: signals, the working directory, limits of resources, and the default
// loggers. Any number of Sentinels may run in one process.
//
// Clients find a master with package discovery. Package sentineltest runs masters,
// replicas and Sentinels in the process of a test.
package sentinel
