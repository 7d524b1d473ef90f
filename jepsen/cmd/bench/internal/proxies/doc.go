// Package proxies measures what a proxy costs its clients, and how long it has them wait
// when the master changes.
//
// A stage is a server with everything in front of it that is compared: nothing, the proxy
// of gosentinel, HAProxy, and twemproxy (nutcracker). Each measurement takes them in turn,
// so that whatever else the machine does falls on all of them alike, and the report has
// the median of each and its share of the direct connection.
//
//   - throughput: redis-benchmark with 50 connections, GET and SET, one request at a time
//     and 16 in a row;
//   - mix: ten reads for each write, values of 32 to 1024 bytes, 10,000 keys, by a
//     generator of this package, which is one thread as redis-benchmark is;
//   - latency: the same mix at half of what the direct connection takes. A request
//     is counted from the instant at which it was due, so that a slow reply delays
//     nothing unseen;
//   - idle: the memory of each proxy with 10,000 clients that have asked once;
//   - switchover and kill: 5,000 requests per second of 50 clients through the proxy of
//     gosentinel, half of them writers whose history is checked, while a planned
//     switchover is ordered or the master is killed.
package proxies
