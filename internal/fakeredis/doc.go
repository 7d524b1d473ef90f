// Package fakeredis is a small replicating Redis server that runs in the process:
// pure Go, with its data in memory and the protocol parsed by redcon.
//
// It exists for two purposes. The demo must run on a machine where no
// redis-server can be installed, and tests need a server that can be started in a
// millisecond, crashed, frozen and restarted without a child process. Within the
// commands that it has, Sentinels (gosentinel and redis-sentinel), go-redis and
// redis-cli cannot distinguish it from a Redis 7.0.
//
//	master, err := fakeredis.Start(fakeredis.Config{Addr: "127.0.0.1:0"})
//	...
//	replica, err := fakeredis.Start(fakeredis.Config{Addr: "127.0.0.1:0", ReplicaOf: master.Addr()})
//	...
//	master.Crash() // every connection is reset without a reply
//
// # What it is
//
//   - Strings and lists, transactions, Pub/Sub, CONFIG, CLIENT (with KILL and
//     PAUSE), INFO, ROLE, WAIT, in RESP2 and RESP3. COMMAND LIST names all
//     commands.
//   - Real asynchronous replication over TCP: PSYNC with replication ids and byte
//     offsets, a backlog of 1 MiB, full and partial synchronisation, the second
//     replication id that lets replicas of a promoted node continue without a
//     full copy, chained replicas, REPLCONF ACK every second and on demand. The
//     snapshot is an RDB file of the simplest form, so a redis-server can
//     replicate from a mini-Redis. The reverse is refused with a clear error,
//     because the RDB files of a redis-server are not of that form.
//   - Configurable like a server: CONFIG SET, CONFIG REWRITE when started from a
//     file, and Main for use as a child process.
//
// # What it is not
//
// It is not for large data: a connection with more than 64 MiB of unread replies
// is closed, an argument may have up to 16 MiB, the data up to 256 MiB
// (maxmemory). There is no persistence, expiry, eviction, scripting, ACL, TLS or
// cluster, and only database 0. An option that is not supported is an error and
// never ignored: a SET ... EX without expiry would be silently wrong.
//
// # How it works
//
// Like Redis, it executes one command at a time; the mutex Server.mu takes the
// place of the single thread. redcon reads each connection in a goroutine of its
// own and calls in, where that mutex is taken. Nothing writes to a socket while
// holding it. Instead, every connection has an outbox, a bounded queue that one
// goroutine writes out. It holds replies, Pub/Sub messages and the replication
// stream alike, so their order is the order of execution, and a slow reader
// delays no other client. A connection whose queue exceeds its limit is closed,
// which is logged. Commands that wait (WAIT, and all of them during CLIENT PAUSE)
// do not block a goroutine: the client is marked as blocked, and its further
// commands are stored until it continues.
//
// # Files
//
//   - server.go: start and end of a server;
//   - conn.go: sockets, outbox, and the gate that Pause closes;
//   - client.go: a connection and its replies;
//   - dispatch.go: the order of checks, transactions, blocking; pause.go: CLIENT PAUSE;
//   - commands_*.go, pubsub.go, info.go: the commands;
//   - replication.go: the master's side, link.go: the replica's side, and their
//     parts backlog.go, snapshot.go and stream.go;
//   - keyspace.go: the data; hook.go: what a mock adds;
//   - status.go: for programs that run a server;
//   - config.go, params.go, conffile.go, main.go: configuration; imitate.go: other
//     releases, and refusals as by an ACL.
package fakeredis
