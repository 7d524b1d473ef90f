// Package sentinel is a Redis Sentinel as a library: it watches Redis or Valkey
// masters, agrees with other Sentinels (this one or the original) that one is
// down, promotes a replica, and tells clients the new address. The daemon
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
// [Sentinel.Events] is the stream of everything that happens, with typed values;
// RESP clients subscribe to the same events under their Pub/Sub names.
//
// # Inside
//
// The decisions are made by a pure core in package monitor, which knows neither
// clock nor network. Here are the shells around it: loop.go feeds the core from
// one goroutine and carries out its effects, server*.go answer RESP clients.
// Connections are in package monitor/link, the fan-out of events in pubsub, the
// files in configrewrite.
package sentinel
