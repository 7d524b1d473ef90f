// Package scale measures what a Sentinel costs and how quick it is: with many clients,
// many masters, many events. Each row of its table is measured with several programs in
// turn, and each figure has a goal, mostly as a ratio to the last program.
//
// Masters and replicas are those of a fleet (package fleet). What a program costs is read
// from /proc.
package scale
