// Package fakeredis is a small replicating Redis server inside the process: pure Go, data in memory, the protocol read by redcon.
//
// It exists for two purposes. A demo must run on a machine where no redis-server can be installed, and tests want a
// partner that can be started in a millisecond, crashed, frozen and restarted without a child process. Sentinels (this
// project's and the stock one), go-redis and redis-cli cannot tell it from a server of the 7.0 line within the commands it has.
//
//	master, err := fakeredis.Start(fakeredis.Config{Addr: "127.0.0.1:0"})
//	...
//	replica, err := fakeredis.Start(fakeredis.Config{Addr: "127.0.0.1:0", ReplicaOf: master.Addr()})
//	...
//	master.Crash() // every connection is reset, nothing is said
//
// # What it is
//
//   - Strings and lists, transactions, Pub/Sub, CONFIG, CLIENT (with KILL and PAUSE), INFO, ROLE, WAIT, in RESP2 and RESP3.
//     COMMAND LIST names all commands.
//   - Real asynchronous replication over TCP: PSYNC with replication ids and byte offsets, a backlog of 1 MiB, full and
//     partial synchronisation, the second replication id that lets replicas of a promoted node continue without a full
//     copy, chained replicas, REPLCONF ACK every second and on demand. The snapshot is an RDB file of the simplest form, so that a
//     real redis-server can replicate from a mini-Redis. The other way round is refused with a clear error as soon as the
//     master's data needs more than the simplest form.
//   - Configurable like a server: CONFIG SET, CONFIG REWRITE when started from a file, and Main for use as a child process.
//
// # What it is not
//
// No place for large data: a connection that has more than 64 MiB of replies to take is cut, an argument may have 16 MiB, the
// data 256 MiB (maxmemory). No persistence, expiry, eviction, scripts, ACL users, TLS, cluster, or databases other than 0. An option that is not
// supported is answered with an error, never ignored: a silent SET ... EX would be a lie.
//
// # How it works
//
// Like the original it executes one command at a time; the single thread is the mutex Server.mu. redcon reads each
// connection in a goroutine of its own and calls in under that mutex. Nothing writes to a socket while holding it: every
// connection has an outbox, a bounded queue that one writer goroutine empties, for replies, Pub/Sub messages and the
// replication stream alike, so their order is the order of execution and a slow reader delays nobody; one that lets its
// queue exceed the limit is cut, and the log says so. Commands that wait (WAIT, and all while CLIENT PAUSE is on) do not hold a
// goroutine: the client is marked blocked and its further commands are kept until it continues.
//
// Files: server.go life cycle; conn.go sockets, outbox, pause gate; client.go a connection and its replies; dispatch.go the
// order of checks, transactions, blocking; commands_*.go; pubsub.go; replication.go the master's side, link.go the replica's,
// backlog.go, snapshot.go and stream.go its parts; keyspace.go the data; info.go; config.go, params.go, conffile.go and main.go
// configuration.
package fakeredis
