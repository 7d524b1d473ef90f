package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// enterUnit is what systemd does to this process before it becomes the daemon,
// from the filters of Debian's redis-sentinel.service. The limit of files comes
// first, since changing limits is forbidden afterwards.
func enterUnit() error {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return err
	}
	lim.Cur = lim.Max // as LimitNOFILE= with one number does
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return err
	}
	runtime.LockOSThread() // what follows holds for a thread; the last call spreads it
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unitFilter()
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Offsets in struct seccomp_data, which a filter reads. Arguments are numbers of
// 64 bits, the low half first.
const (
	dataNumber = 0
	dataArgs   = 16
)

// unitFilter kills the whole process for the calls that the unit forbids; it also
// kills for a new limit, which older releases of systemd count among them. As
// RestrictAddressFamilies= does, it answers EAFNOSUPPORT to sockets of other
// families than the unit names.
func unitFilter() []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	kill, allow := ret(unix.SECCOMP_RET_KILL_PROCESS), ret(unix.SECCOMP_RET_ALLOW)
	f := []unix.SockFilter{load(dataNumber)}
	for _, call := range unitKills {
		f = append(f, equal(call, 0, 1), kill)
	}
	const newLimit = dataArgs + 2*8
	f = append(f, equal(unix.SYS_PRLIMIT64, 0, 6),
		load(newLimit), equal(0, 0, 2), load(newLimit+4), equal(0, 1, 0), kill, allow)
	f = append(f, equal(unix.SYS_SOCKET, 0, 5), load(dataArgs),
		equal(unix.AF_UNIX, 3, 0), equal(unix.AF_INET, 2, 0), equal(unix.AF_INET6, 1, 0),
		ret(unix.SECCOMP_RET_ERRNO|uint32(unix.EAFNOSUPPORT)), allow)
	return f
}

func needsFilter(t *testing.T) {
	t.Helper()
	needsRoot(t, "the daemon runs as another user")
	if unitKills == nil {
		t.Skip("needs amd64: the numbers of the system calls that the unit forbids are known for it only")
	}
}

// TestUnitFilterKills shows that the filter of the next test does what it should.
func TestUnitFilterKills(t *testing.T) {
	needsFilter(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"chown 1 " + file, "prlimit --nofile=100:100 true"} {
		words := strings.Fields(command)
		path, err := exec.LookPath(words[0])
		if err != nil {
			t.Fatal(err)
		}
		argv := entering(t, "unit", append([]string{path}, words[1:]...)...)
		err = exec.Command(argv[0], argv[1:]...).Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
			t.Errorf("%s: %v, want death by SIGSYS", command, err)
		}
	}
}

// TestUnitFilter: under the filters of Debian's redis-sentinel.service daemons
// start, save, take SIGHUP, vote and fail over. The file belongs to them, so no
// save has an owner or a group to change.
func TestUnitFilter(t *testing.T) {
	needsFilter(t)
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	e := newEnv(t, cluster.Config{User: nobody, Sentinel: entering(t, "unit", clustertest.Daemon(t))})
	g := e.start(usual)
	for _, s := range g.Sentinels {
		if _, err := s.Do(e.ctx, "SENTINEL", "SET", g.Master, "parallel-syncs", "3"); err != nil {
			t.Error(err)
		}
		e.must(s.Signal(syscall.SIGHUP))
	}
	g.Servers[0].Kill()
	_, err := g.WaitNewMaster(e.ctx, g.Servers[0])
	e.must(err)
	e.allRun(g)
	voted := 0
	for _, s := range g.Sentinels {
		e.must(s.Signal(syscall.SIGTERM))
		if status, err := s.WaitExit(e.ctx); status != 0 || err != nil {
			t.Errorf("%s ended with status %d (%v)", s.Name(), status, err)
		}
		if !strings.Contains(e.conf(s), "sentinel leader-epoch "+g.Master+" 0\n") {
			voted++
		}
		left, err := filepath.Glob(s.Conf() + ".*")
		left = slices.DeleteFunc(left, func(name string) bool { return name == s.Conf()+".failovers" }) // the journal stays
		if err != nil || len(left) > 0 {
			t.Errorf("left beside the file: %v (%v)", left, err)
		}
	}
	if voted < 2 {
		t.Errorf("%d votes are on disk, want a majority", voted)
	}
}

// TestUnitFilterAndGroup: a file of a further group of the service would need one
// of the forbidden calls to keep it when it is replaced. It is written in place.
func TestUnitFilterAndGroup(t *testing.T) {
	needsFilter(t)
	const group = 65533
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{group}}
	e := newEnv(t, cluster.Config{User: nobody, Sentinel: entering(t, "unit", clustertest.Daemon(t))})
	port, err := e.c.Port()
	e.must(err)
	s, err := e.c.AddSentinel(cluster.NodeSpec{
		Name: "sentinel", Port: port, Conf: cluster.SentinelConf(port, cluster.Monitored{Name: "mymaster", Port: 1, Quorum: 2}),
	})
	e.must(err)
	e.must(os.Chown(s.Conf(), 65534, group))
	e.must(os.Chmod(s.Conf(), 0o660))
	e.must(s.Start())
	e.must(s.WaitReady(e.ctx))
	_, err = s.Do(e.ctx, "SENTINEL", "SET", "mymaster", "quorum", "7")
	e.must(err)
	e.logHas(s, "in place")
	if text := e.conf(s); !strings.Contains(text, "sentinel monitor mymaster 127.0.0.1 1 7\n") {
		t.Errorf("the file is\n%s", text)
	}
	info, err := os.Stat(s.Conf())
	e.must(err)
	if st := info.Sys().(*syscall.Stat_t); st.Gid != group || info.Mode().Perm() != 0o660 {
		t.Errorf("the file has group %d and mode %o", st.Gid, info.Mode().Perm())
	}
}
