// Command demo shows one failover from beginning to end.
//
// It sets up what Sean McGary's tutorial on fault-tolerant Redis describes, from
// the tutorial's own files: three servers (ports 6380 to 6382) and three
// Sentinels (16380 to 16382), each pair in a directory of its own. Then it writes
// through a client that finds the master by asking the Sentinels, kills the
// master with SIGSEGV, shows the events that the Sentinels publish, restarts the
// old master, waits until it has become a replica, and sums up.
//
// The exit status is 0 only when all of that happened. However it ends, even by
// Ctrl-C, no process is left behind.
//
//	make demo
//	bin/demo -down-after 1s
//
// With -proxy, the writer is a client that knows nothing of Sentinels and connects to
// a proxy. The master is killed, and later becomes master again by a planned switchover.
// The client must not see an error.
//
//	make proxy-demo
//
// Without a redis-server on the machine, the demo runs on a small replicating
// server of its own (internal/fakeredis), and prints that it does.
package main
