// Package httpconsole shows over HTTP how a Sentinel is that is embedded in a program:
//
//	http.Handle("/", httpconsole.Handler(s))
//
// gives /livez and /readyz for supervisors, /metrics for Prometheus, /status as JSON and a
// status page at /, as a daemon has them at http-port. A program that does not import this
// package links nothing of it.
package httpconsole
