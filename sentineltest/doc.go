// Package sentineltest runs masters, replicas and Sentinels inside a test, as
// [net/http/httptest] runs HTTP servers: for the authors of clients, proxies and
// control planes that must survive a failover.
//
//	func TestClient(t *testing.T) {
//		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
//		client := connect(c.Name(), c.Addrs()) // yours
//		client.Set("key", "value")
//		c.WaitStable() // the replicas have the key
//		c.Master().Kill()
//		c.WaitStable() // one of them is the master
//		client.Get("key")
//	}
//
// The Sentinels are real ones, those of the package sentinel. The servers are a small
// Redis in pure Go that replicates as Redis does; it has strings, lists, transactions
// and Pub/Sub, and no scripts, expiry or persistence. No program needs to be
// installed. A cluster starts in milliseconds, fails over in about
// ClusterOptions.DownAfter, and ends with the test, so that no goroutine is left.
//
// # What a test can do
//
// Servers and Sentinels can be killed, paused and restarted, with and without what
// they had saved. [Cluster.Partition] divides the network, [Cluster.Failover] makes a
// planned failover, and [Cluster.WaitStable] waits until everybody has noticed. A call
// that cannot be carried out fails the test and says what every node looked like and
// what happened last. The same is logged when a test has failed otherwise.
//
// # What a library does wrong
//
// [Serve] plays a script in which Sentinels err, lie, stammer or say nothing, and
// judges the client: for the authors of client libraries. What real Sentinels do only
// once in a year, scripts do at every run.
//
// # Busy machines
//
// The Sentinels of a cluster wait for only milliseconds before they take a server for
// dead. Their clock hardly moves while the process gets no CPU, so what is slow is not
// taken for dead. It also goes slowly, at a 64th, from the end of WaitStable until the
// test does something to a node or a Sentinel has an event to tell. Tests may run in
// parallel, with the race detector.
//
// # Virtual time
//
// With [NewNetwork] a cluster needs no sockets and works in a bubble of
// [testing/synctest]. There a test of a time-out of a minute takes milliseconds, and
// the same seed gives the same course of events: failovers at the same times, led by the
// same Sentinel. See [Network].
package sentineltest
