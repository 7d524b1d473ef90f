// Package check judges a history. Each checker answers one question: were acknowledged
// writes lost, was there one leader in each epoch, did order return in time. It says what
// was broken, with the time and the names, and what it measured.
//
// # Never green by accident
//
// A run is [Valid] only if every checker has finished and found nothing, every fault of
// the schedule was seen to happen, and this program had the processor when it needed it.
// A checker that panics or takes too long, a fault without a sign, a program that was
// starved, a history that was full: [Unknown]. What was broken all the same stays broken
// ([Invalid]), unless being starved explains it.
//
// # What is no fault
//
// Replication is asynchronous, so a failover can lose acknowledged writes with any
// Sentinel. They are counted and are not violations, and no linearizability of the data is
// claimed.
package check
