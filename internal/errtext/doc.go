// Package errtext words errors as operators and log parsers know them from
// redis-sentinel: a system error as C programs print it, several errors as one
// log line, and a failed start as several log lines.
package errtext
