// Package lookout is what a running Sentinel and a console know of each other. The
// console shows operators how the Sentinel is; it looks at it as a [Source], and is told
// what happens as a [Console].
//
// Between the two stands nothing but these types, so a program that has a Sentinel and no
// console does not link Prometheus and all else that a console is made of.
package lookout
