// Package sentinel is a Redis Sentinel as a library. It monitors Redis or Valkey
// masters, agrees with other Sentinels (gosentinel or redis-sentinel) that one is
// down, promotes a replica, and gives clients the new address. The daemon
// cmd/gosentinel is a thin command around it.
//
//	s, err := sentinel.New(sentinel.Config{
//		Listen:    ":26379", // "" for a library without a RESP server
//		StateFile: "/var/lib/sentinel/state.toml",
//		Masters:   []sentinel.Master{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2}},
//	})
//	...
//	err = s.Run(ctx) // blocks; no goroutine outlives it
//
// [Sentinel.Events] is the stream of all events, as typed values. RESP clients
// subscribe to the same events by their Pub/Sub channel names.
//
// # Inside
//
// The decisions are made by a pure core in package monitor, which has no access
// to the clock or the network. This package holds the shell around it: loop.go
// feeds the core from one goroutine and carries out its effects. RESP clients are
// served by internal/server, outgoing connections by monitor/link, gossip by
// gossip, the fan-out of events by pubsub, and the files by configrewrite.
package sentinel
