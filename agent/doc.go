// Package agent keeps other programs pointed at the masters that Redis Sentinels
// name: configuration files, a running HAProxy, Kubernetes Services, programs and
// webhooks. `gosentinel agent FILE` runs it.
//
//	cfg, err := agent.Load("agent.toml")
//	if err != nil { … } // every mistake, with its line
//	a, err := agent.New(cfg)
//	if err != nil { … }
//	err = a.Run(ctx)
//
// # Groups and targets
//
// A group is a master with its replicas. A resolver of package discovery asks all
// its Sentinels, follows their events, polls them, and has each master confirm that
// it is one. What is known of all groups at one moment is a [Snapshot]. A group
// keeps the master that was verified last while there is none, as during a
// failover, and while no Sentinel answers.
//
// A target is something outside that has to agree with the snapshot:
//
//	template     a file, rendered from a Go template
//	twemproxy    the server lines of a nutcracker.yml, changed in place
//	haproxy      servers of a running HAProxy, over its socket; of a haproxy.cfg
//	hosts, zone  a block of lines in /etc/hosts, or in a zone file of a name server
//	exec         a program with the arguments of a client-reconfig-script
//	webhook      an HTTP request
//	kubernetes   the EndpointSlice of a Service, and the label of a master's pod
//
// # How a target is brought in line
//
// Each target has a goroutine of its own (runner.go), so one that hangs delays no
// other. It is woken by a change of a group, and every few seconds to compare again:
// so an edit by hand, a restart of HAProxy or a change that was missed while no
// Sentinel could be reached is found without anybody telling.
//
// A target makes a plan: it looks at what is there now, and says what would change and
// how. There is no plan if nothing has to, and then nothing is written and no program
// is run. -dry-run prints plans. A plan that fails is made anew after a pause, which
// grows to half a minute. Nothing is queued: what counts is the newest snapshot.
//
// All file targets go the same way (file.go): render from what the file has now;
// compare; write the result beside it and have the validation command check that;
// replace the file atomically; run the command. What the validation refuses never
// gets the name of the file. If the command fails, or the agent dies before it has
// run, it is run again: a mark beside the file says that it is due.
//
// # What it does not do
//
// It never decides who is master, and sends nothing but ROLE to a Redis server.
// Several agents may work on one target of Kubernetes or HAProxy; on one file only
// one may.
package agent
