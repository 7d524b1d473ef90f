package cluster

import "syscall"

// childAttr puts the child into a process group of its own, so that it can be
// killed with everything that it started and so that Ctrl-C on the terminal
// reaches the demo alone, which then ends its children in order. Pdeathsig
// makes the kernel kill the child when the spawner's thread dies (see spawner).
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
