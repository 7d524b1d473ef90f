// Package listen opens the sockets at which a Sentinel accepts connections:
// ports, Unix sockets and TLS listeners, with the warnings, errors and INFO
// lines of redis-sentinel. It also makes sure that the limit of open files has
// room for them and for the links to everything that is watched.
package listen
