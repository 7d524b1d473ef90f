// Package relay stands in front of Redis servers and slows down what their replicas
// receive. A connection is slowed once it turns out to be one of replication; those of
// Sentinels and applications pass at once, so that a lag of the replicas can be told
// from a slow network.
package relay
