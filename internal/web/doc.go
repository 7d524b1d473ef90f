// Package web serves what a running program shows over HTTP: /livez and /readyz for
// supervisors, /metrics for Prometheus, /status as JSON, and a page for people that
// keeps itself up to date. The daemon and the proxy use it.
//
// A program describes itself as a [Site]: a few functions that are asked when somebody
// wants to know. [Handler] makes the pages of it, for programs that serve HTTP
// themselves, and [Server] serves them at an address within limits:
//
//	bounds.go  how many connections there are: a new one takes the place of the oldest
//	access.go  who may look
//	fresh.go   what is asked by many is made once
//	page.go    the page and its layout
//	stream.go  what changes on the page, as server-sent events
//
// Nothing here can hold up the program. What is shown is made at most once a second,
// however many are looking, and whoever does not read what was sent is cut.
package web
