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
// [Sentinel.Events] is the stream of all events, as typed values. RESP clients
// subscribe to the same events by their Pub/Sub channel names.
//
// # Inside
//
// The decisions are made by a pure core in package monitor, which has no access
// to the clock or the network. internal/node runs it: one goroutine feeds the core
// and carries out its effects.
package sentinel
