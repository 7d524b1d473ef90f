package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNoSandbox means that this machine does not let us make namespaces.
var errNoSandbox = errors.New("namespaces are not allowed here; run as root, or allow user namespaces")

const (
	namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID
	hostsFile  = "/etc/hosts"
)

// enter runs this program again, in the sandbox, and returns its exit status.
// Temporary files of it lie below dir. Nothing is started when ctx is done.
func enter(ctx context.Context, dir string) (status int, err error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), dirEnv+"="+dir, insideEnv+"=sandbox", "TMPDIR="+dir)
	// The child's death takes all others in its namespace along, and it dies with
	// the thread that starts it; so that is one that lives until the end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		// Only root keeps the rights of a new user namespace over exec.
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// A terminal sends SIGINT to the child as well, but `go test` and a supervisor
	// send their signals to this process only.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return 2, context.Cause(ctx)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("%w (%w)", errNoSandbox, err)
	}
	return attend(cmd, signals)
}

// attend passes signals on until the child has ended.
func attend(cmd *exec.Cmd, signals <-chan os.Signal) (status int, err error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig) // it may have ended
		case err := <-ended:
			var exit *exec.ExitError
			switch {
			case !errors.As(err, &exit):
				return 0, err
			case exit.ExitCode() == statusNoSandbox:
				return 0, errNoSandbox // why was printed
			case exit.ExitCode() < 0:
				return 2, nil // as for a Go program that a signal ends
			default:
				return exit.ExitCode(), nil
			}
		}
	}
}

// furnish makes the new namespaces fit to live in: a loopback interface that is
// up, and a file of names.
func furnish(dir string) error {
	// Without this, a container may hand our mount on to all other processes.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	own := filepath.Join(dir, "hosts")
	text := "127.0.0.1 localhost\n127.0.0.1 " + strings.Join(zatoHosts, " ") + "\n"
	if err := os.WriteFile(own, []byte(text), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(own, hostsFile, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s over %s: %w", own, hostsFile, err)
	}
	return loopbackUp()
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("flags of the loopback interface: %w", err)
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	return nil
}
