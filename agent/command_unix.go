//go:build unix

package agent

import (
	"os/exec"
	"syscall"
)

func shellOf(line string) []string { return []string{"/bin/sh", "-c", line} }

// ownGroup makes a command the head of a process group, which is killed as a whole:
// a shell that is killed alone would leave behind what it has started.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
