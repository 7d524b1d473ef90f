// Package console is what operators see of a running Sentinel over HTTP: its metrics,
// its status as JSON, whether it is ready, and a page with a picture of each group.
//
// It asks a [lookout.Source] for views of the core, a few masters at a time, so that the loop
// which makes all decisions is never held up for long, and not more often than once a
// second however many are looking:
//
//	snapshot.go   what is asked for
//	meters.go     counters and histograms of what happens
//	collector.go  metrics of how things are
//	exporter.go   metrics under the names that redis_exporter gives
//	status.go     a snapshot in plain words and numbers
//	problems.go   what is wrong, in words
//	site.go       all of it as pages of package web
package console
