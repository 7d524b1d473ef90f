// Package reserve keeps ports for servers that are down, so that a test can start
// them again at their addresses.
//
//	addr, free, err := reserve.Addr("127.0.0.1")
//	...
//	ln, err := net.Listen("tcp", addr) // and Close, and Listen, as often as needed
//	...
//	free()
package reserve
