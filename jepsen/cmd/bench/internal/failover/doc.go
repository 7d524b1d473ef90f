// Package failover measures how long a failover takes.
//
// Each run starts one master, replicas and Sentinels as real processes, waits
// until all know each other, and kills the master. From that instant on it
// tries to write to every replica every two milliseconds. It reports two times:
// until a replica accepts its first write, which is how long a client waits that
// knows where to ask; and until some Sentinel gives the address of that replica as
// well, which is how long clients really wait ("client").
//
// Every run also counts leaders, candidates, retries and aborted attempts. A
// second leader is an error of safety. Two candidates are none as long as one
// of them wins; a retry means that the votes were split.
package failover
