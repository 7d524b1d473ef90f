// Package failover measures how long a failover takes.
//
// Each run starts one master, replicas and Sentinels as real processes, waits
// until everybody knows everybody, kills the master, and from that instant on
// tries to write to every replica each two milliseconds. Two times are told:
// until a replica accepted its first write, which is what a client would have
// waited that knew where to ask, and until besides that some Sentinel gave the
// address of that replica, which is what clients really wait ("client").
//
// Every run also counts leaders, candidates, retries and aborted attempts. A
// second leader is an error of safety. Two candidates are none as long as one
// of them wins; a retry means that the votes were split.
package failover
