// Command explore visits every state of elections in small worlds and says
// whether a promise is broken in one. See package explore for what that covers.
//
//	go run ./jepsen/cmd/explore                # a list of worlds, in minutes
//	go run ./jepsen/cmd/explore -mixed         # the flaw of stock Sentinels, found and told
//	go run ./jepsen/cmd/explore -sentinels 3 -masters 2 -epochs 1 -disk-faults
//	go run ./jepsen/cmd/explore -alone -others -sentinels 4 -epochs 3
//
// The exit code is 1 when a promise is broken, a search was not complete, or nobody
// was elected in it.
package main
