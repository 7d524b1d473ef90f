//go:build unix && !linux

package cluster

import "syscall"

// childAttr puts the child into a process group of its own, so that it can be
// killed with everything that it started. There is no death signal here.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
