// Package event has the events of a Sentinel, each as a type of its own. A type
// switch tells them apart:
//
//	for e := range s.Events(ctx) {
//		switch body := e.Body.(type) {
//		case event.SwitchMaster:
//			fmt.Println(body.Master, "is at", body.To)
//		case event.ODown:
//			fmt.Println(body.Name, "is down, say", body.Votes)
//		}
//	}
//
// The comment of each type begins with the Pub/Sub channel on which RESP clients
// get it. An event about an [Instance] embeds that. Each event can be given to a
// slog.Logger as a value: it becomes a group of its fields.
//
//	watch.go       what is monitored, and what was noticed about it
//	down.go        who counts as down
//	failover.go    a failover, step by step
//	switchover.go  what is special to planned failovers
//	guard.go       what guards do, or would do
//	process.go     this Sentinel itself
//
// The package is pure: it only describes.
package event
