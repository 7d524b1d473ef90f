// Package fleet serves thousands of fake Redis servers from few processes, so that a
// Sentinel can be measured with more masters than the machine could run.
//
// A fleet is a row of pairs of a master and its replicas. Each server has an IP address
// of its own below 127.0.0.0/8, and all servers of a process share one listener: which
// of them is meant is seen by the address that was connected to. Nothing is stored or
// replicated. A fake answers what Sentinels ask, with the INFO of redis-server 7.0.15 in
// full, passes on hellos, and takes a new role when told to.
//
// The first masters of a fleet can be doomed: they listen at a port of their own, which
// can be closed together with all their connections, or fall silent.
package fleet
