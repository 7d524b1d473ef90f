// Client takes jobs from a Redis list and prints them. It is blocked most of the
// time, and a failover is nothing that it would notice: the command is repeated by
// go-redis on a connection to the new master, for which package discovery waits.
//
//	go run ./examples/client -sentinels 10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379 -master cache
//	redis-cli -h 10.0.0.4 rpush jobs one # and kill the master before the next one
package main
