package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/sentineltest"
)

// TestTopOnTerminal: it takes the screen, shows what there is, and gives everything back.
func TestTopOnTerminal(t *testing.T) {
	t.Run("a key", func(t *testing.T) {
		topOnTerminal(t, func(keyboard *os.File, _ *os.Process) error {
			_, err := keyboard.WriteString("q")
			return err
		})
	})
	t.Run("a signal", func(t *testing.T) {
		topOnTerminal(t, func(_ *os.File, p *os.Process) error { return p.Signal(syscall.SIGTERM) })
	})
}

func topOnTerminal(t *testing.T, end func(keyboard *os.File, p *os.Process) error) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "cache"})
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs terminals: ", err)
	}
	defer ours.Close()
	fd := int(ours.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs terminals: ", err)
	}
	defer theirs.Close()
	before, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(clustertest.Daemon(t), "top", c.Addrs()[0])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&seen, ours) // ends with an error when the terminal is gone
	}()
	await(t, "the table", func() bool { return strings.Contains(seen.String(), "2 of 2 up") })
	if err := end(ours, cmd.Process); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %q", err, seen.String())
	}
	after, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal is left otherwise: %v", err)
	}
	theirs.Close()
	ours.Close()
	<-read
	if text := seen.String(); !strings.HasPrefix(text, otherScreen) || !strings.Contains(text, thisScreen) {
		t.Errorf("%q", text)
	}
}
