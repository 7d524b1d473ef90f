// Package resptest is a client for tests that compare replies byte for byte: it
// shows what arrives instead of what it means.
package resptest
