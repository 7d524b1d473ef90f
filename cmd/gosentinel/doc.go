// Command gosentinel is the Sentinel daemon. It takes the command line and the
// configuration file of redis-sentinel and can stand in its place.
package main
