//go:build !unix

package scripts

// SealDescriptors does nothing: on this system a process inherits only
// descriptors that it is explicitly given.
func SealDescriptors() error { return nil }
