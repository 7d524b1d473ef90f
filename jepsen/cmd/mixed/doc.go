// Command mixed proves that stock redis-sentinels and gosentinels can share a
// quorum. It runs the experiments of package jepsen/mixed at length and prints
// what happened as tables; the exit status is 1 if anything happened that must
// not.
//
//	go run ./jepsen/cmd/mixed -sentinel bin/gosentinel
//
// In all tables 2+1 means two stock Sentinels and one gosentinel.
//
// Experiments run side by side (-parallel), but the replacement of processes,
// which counts every failed write, has the machine to itself.
package main
