// Package proxy is a proxy for Redis and Valkey servers that Sentinels watch: clients that
// know nothing of Sentinels connect to it as to a server, and a failover is a pause for
// them and no error.
//
//	cfg, err := proxy.Load("proxy.toml")
//	if err != nil { ... }
//	err = proxy.New(cfg, proxy.Options{Logger: logger}).Run(ctx)
//
// # What a request goes through
//
// A worker is one goroutine that owns a share of the clients, and the connections to
// servers for them. Nothing that it does waits, so nothing is locked, and everything
// happens in an order. On Linux it waits for plain TCP connections with epoll and has
// no goroutine for any of them; for TLS and elsewhere, two goroutines carry bytes to it
// and from it. In one turn a worker reads what has arrived from all its
// connections, and then writes once to each that has something to be written.
//
//	client ──► request: where it ends ──► table: what it is ──► route: its place in line
//	client ◄── its list of requests: whose turn it is ◄── reply: where it ends ◄── route
//
// A route is an ordered stream of requests to the master, and a connection while there is
// one. The bytes of a request are copied once, into the buffer of the route, and stay there
// until its reply has come. So what a connection has swallowed can be sent once more by
// another one, and a request that finds no connection simply waits in its place. That is
// all there is to holding requests.
//
// Clients share a route for each protocol (RESP2, RESP3) and database. A client gets
// a route of its own for what changes a connection or blocks it: transactions, WATCH,
// BLPOP and the like, subscriptions, MONITOR, CLIENT TRACKING, and commands that the
// server has not told of. It gives it back when it can. A request that takes another
// route than the ones before it waits for their replies, so nothing overtakes.
//
// # When the master changes
//
// Package discovery says which server is the master. A connection is used when the server
// has said on it that it is a master, and when Sentinels have been asked since the last one
// ended. When there is another master, nothing more is sent to the former one. Its replies
// are waited for, for a short time, or a longer one if it still answers: in a planned
// switchover it is paused, and then refuses what waits.
//
// A request that was refused because of a role (READONLY, LOADING, MASTERDOWN,
// NOREPLICAS, UNBLOCKED) has done nothing, and waits for a server that takes it. One that
// was sent and has no reply may have been executed; see Inflight. A transaction is begun
// again, unless EXEC was sent; one that watched keys is answered as aborted, which
// applications handle anyway. Subscriptions are made again.
//
// # Files
//
//   - config.go, tls.go: the configuration;
//   - proxy.go, listener.go, worker.go: what is in force, sockets, and the goroutines
//     that work; reuse_*.go: sockets that two processes share;
//   - wire.go, poll_linux.go, poll_other.go: connections that do not wait;
//   - request.go, reply.go, table.go: the protocol and the commands;
//   - client.go, special.go, local.go, sentinelmode.go, tcp.go: the side of the clients;
//   - route.go, own.go, relay.go, replicas.go, ack.go, hub.go: the side of the servers;
//   - group.go, dial.go: who is the master, and how to connect to it;
//   - info.go, slowlog.go, latency.go: counters, and the command PROXY;
//   - http.go, metrics.go: /metrics, /livez and /readyz.
package proxy
