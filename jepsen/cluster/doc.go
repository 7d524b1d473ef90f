// Package cluster runs real redis-server and Sentinel processes for tests,
// for the demo and for measurements.
//
// A [Cluster] owns a directory, a range of ports and every process started
// through it. Each process ("node") has a subdirectory of its own with its
// configuration file and its log, so a node can be killed with any signal,
// stopped, continued and started again on the files that it left behind, which
// is what a crash does to it in production.
//
//	c, err := cluster.New(cluster.Config{Sentinel: []string{"bin/gosentinel"}})
//	if err != nil { ... }
//	defer c.Close()
//
//	g, err := c.Start(ctx, cluster.Topology{Replicas: 2, Sentinels: 3, Quorum: 2, DownAfter: time.Second})
//	if err != nil { ... }             // g is complete: all know each other
//	killed := time.Now()
//	g.Servers[0].Signal(syscall.SIGKILL)
//	ev, err := c.Events().Wait(ctx, "a new master", cluster.Named("+switch-master"))
//	fmt.Println(ev.At.Sub(killed), ev.Text)
//
// # What outlives what
//
// Close ends every process and every goroutine of the cluster and removes the
// directory. Should this process die without calling Close, the kernel kills
// the children (Linux; elsewhere they have to be ended by hand). A Sentinel
// that a test leaves running would go on electing leaders on ports that the
// next test believes to be free.
//
// # Waiting
//
// Nothing here sleeps for a fixed time. [WaitFor] polls a condition until the
// context ends and then reports what was waited for and what was seen last, as
// a bare "timeout" would tell nothing about a run on another machine.
package cluster
