// Package clients holds the tests that play the scripts of gosentinel mock with
// client libraries: go-redis, redigo and rueidis in this process, redis-py and ioredis
// in a process each.
//
//	go test ./jepsen/clients          # part of make test
//	go test ./jepsen/clients -long    # part of make ecosystem: with all columns of the table
//	go test ./jepsen/clients -write   # writes the table of docs/clients.md anew
//
// Each library works as its documentation shows, with time-outs of a second, and an
// application that tries again when a call has failed. All scripts are played at the
// same time. The test fails when a library does better or worse than the table says.
//
// redis-py is the one of Debian's python3-redis; where another release is installed,
// it is played and not compared. ioredis is fetched by npm by a lock file that holds
// its hash, and none of its scripts is run. Without npm, or without a network, it is
// left out.
package clients
