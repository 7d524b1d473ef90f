//go:build !linux

package arena

// addDisk does nothing: there is no disk of its own here.
func (a *Arena) addDisk(string) error { return nil }

// HasDisks tells that Sentinels keep no state on disks of their own.
func (a *Arena) HasDisks() bool { return false }

func (a *Arena) keepDisks() error { return nil }
