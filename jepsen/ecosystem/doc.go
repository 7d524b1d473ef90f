// Package ecosystem holds the tests that repeat, with gosentinel, what people do with
// redis-sentinel, or were told to do: today's client libraries through failovers, set-ups
// of published guides, with their own files, and old client libraries with their own tests.
//
//	go test ./jepsen/ecosystem      # part of make test: the guides, and a few libraries
//	make ecosystem                  # everything, with a table of what was seen
//	make client-libraries           # the libraries only; writes the table of docs/clients.md
//
// # What is repeated
//
//   - A tutorial of 2015 about three servers and three Sentinels (TestTutorial).
//     Its six files are used byte for byte and its steps in its order; every line
//     that it promises in a log has to come.
//   - The high-availability guide of the Zato integration platform (TestZato): names
//     of hosts in all files, and a Python client that makes exactly the platform's
//     calls while the master is stopped.
//   - A guide of 2014 to twemproxy in front of two shards, whose agent follows
//     +switch-master (TestTwemproxyAgent): here the agent is that of this project, with
//     the flags and the log lines of the old one.
//   - redis-proxy (TestRedisProxy), which replaced failed servers by itself: here the proxy
//     of this project reads its config.json, and plays the scenario of its page.
//   - Two old clients for Node.js, redis-sentinel and redis-sentinel-client, each run
//     through its own tests (TestNodeClients, only in make ecosystem: npm fetches
//     them, by a lock file that holds their hashes).
//
// The long run also puts one or two stock Sentinels into the set, all three
// where the guides can still be followed with them, and HAProxy in front.
// What it takes is printed side by side and not judged: a test must not
// fail because a machine is slow.
//
// # Client libraries
//
// TestClientLibraries has a small program for each library in testdata/libraries. It finds
// the master through the Sentinels and increments a key every 5 ms, and says after each
// call what came of it. All of them work at the same time on one group of three servers and
// three Sentinels, while its master is switched and killed, and all have to come back; a
// planned switchover must not lose a write that was acknowledged. What
// they met is judged by the lines that they say, and is written to the table by -write.
//
// Go's libraries are in one program, which is a module of its own. Those for Node.js come by
// npm and a lock file, the others from Debian. Libraries for Java and .NET cannot run here:
// testdata/conversations has what they say, as their sources have it, and what they wait for.
//
// # The sandbox
//
// The files of the guides fix ports that may be taken, and names that no server
// resolves. So the test program starts itself again in namespaces of its own: an
// empty loopback network, an own /etc/hosts, own process ids. When it ends, in
// whatever way, the kernel ends everything in there. Root may do that, and others
// where user namespaces are allowed. Elsewhere the guides run on the machine's own
// ports, with the name localhost; the long run does not.
package ecosystem
