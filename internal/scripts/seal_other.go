//go:build !unix

package scripts

// SealDescriptors does nothing: on this system a process inherits only what it is
// given on purpose.
func SealDescriptors() error { return nil }
