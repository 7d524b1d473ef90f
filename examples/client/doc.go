// Client takes jobs from a Redis list and prints them. It is blocked most of the
// time, and a failover is nothing that it would notice: the command is repeated by
// go-redis on a connection to the new master, for which package discovery waits.
package main
