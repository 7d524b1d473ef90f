// Package resptest is a client for tests that compare replies byte for byte: it
// shows the bytes that arrive and does not interpret them.
package resptest
