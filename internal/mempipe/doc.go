// Package mempipe has connections in memory that behave like those of TCP: a write does
// not wait for the reader until buffers are full, an end can be closed for writing
// only, and a close may be a reset. [net.Pipe] has none of that: two programs that both
// write before they read would wait for each other for ever.
//
//	here, there := mempipe.New(a, b)
//	here.Write([]byte("PING\r\n"))
//	there.Read(buf)
//
// It works in a bubble of testing/synctest.
package mempipe
