// Package errtext puts errors into the words that operators and log parsers
// know from redis-sentinel: the cause of a system call as C programs print it,
// several errors as one line of log, and a failed start as several lines.
package errtext
