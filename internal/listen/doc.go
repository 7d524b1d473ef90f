// Package listen opens the sockets on which a Sentinel accepts connections:
// ports, Unix sockets and TLS listeners, with redis-sentinel's warnings, errors
// and INFO lines. It also makes sure that the limit of open files has room for
// them and for the links to everything that is monitored.
package listen
