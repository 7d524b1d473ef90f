// Package standalone watches a group of servers without any Sentinel beside it: it runs one
// in the process, tells it what there is to be watched, and says which server is the
// master. `gosentinel proxy` uses it for each [[group]] of its file.
//
//	g, err := standalone.New(standalone.Options{
//		Name: "cache", Servers: []string{"10.0.0.1:6379", "10.0.0.2:6379"}, StateFile: "cache.state.toml",
//	})
//	if err != nil { ... }
//	go g.Run(ctx)
//	for v := range g.Changes(ctx) { ... } // v.Master
//
// # Who does what
//
// The Sentinel is the one of package sentinel: it judges, votes, promotes and corrects as
// every other one, and knows the others by their hellos. Package discovery asks it, and
// those others, and decides whom to believe. What is left for this package is what a
// Sentinel is told by its operator:
//
//   - choose.go: which server is the master when the group is seen for the first time.
//     Roles are honoured; data that one server alone has are never given up, and where that
//     cannot be, nothing is changed, and why is said.
//   - adopt.go: which servers of the list are made members later, such as one that has come
//     up empty. One with data of its own, or of another group, is left alone.
//   - watch.go: how many votes it takes. It is more than half of the Sentinels that are known
//     or said to be there, so that two that cannot see each other never both promote.
//   - look.go, hello.go: what a server that is no member yet says, and what others say there.
//   - group.go: the options, and the Sentinel and the resolver with their ends.
package standalone
