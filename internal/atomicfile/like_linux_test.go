package atomicfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// asEnv makes this program write to a file as another user, and end.
const asEnv = "ATOMICFILE_TEST_WRITE"

// programDir holds a copy of this program that other users can reach.
var programDir string

func TestMain(m *testing.M) {
	if path := os.Getenv(asEnv); path != "" {
		if err := atomicfile.WriteFile(path, []byte(newContent), 0o600); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	code := m.Run()
	if programDir != "" {
		_ = os.RemoveAll(programDir)
	}
	os.Exit(code)
}

var program = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return "", err
	}
	if programDir, err = os.MkdirTemp("", "atomicfile-"); err != nil {
		return "", err
	}
	path := filepath.Join(programDir, "program")
	return path, errors.Join(os.WriteFile(path, text, 0o755), os.Chmod(programDir, 0o755))
})

// writeAs writes to a file in another process, with that user and these groups.
func writeAs(t *testing.T, path string, uid, gid uint32, groups ...uint32) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: the file is written by another user")
	}
	exe, err := program()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = []string{asEnv + "=" + path}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != newContent {
		t.Fatalf("the file holds %q (%v)", text, err)
	}
}

// sharedFile makes a file in a directory that everyone may write to.
func sharedFile(t *testing.T, uid, gid int, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "atomicfile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(path, []byte(oldContent), 0o600), os.Chown(path, uid, gid), os.Chmod(path, mode), os.Chmod(dir, 0o777)); err != nil {
		t.Skip("needs root: ", err)
	}
	return path
}

type owner struct {
	uid, gid uint32
	mode     os.FileMode
}

func (o owner) String() string {
	return strconv.Itoa(int(o.uid)) + ":" + strconv.Itoa(int(o.gid)) + " " + o.mode.String()
}

func ownerOf(t *testing.T, path string) owner {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return owner{st.Uid, st.Gid, info.Mode().Perm()}
}

// TestOwnerStays: owner and group of a file survive as far as the process may. A
// group that cannot be kept leaves no rights to another one.
func TestOwnerStays(t *testing.T) {
	for _, c := range []struct {
		name     string
		file     owner
		uid, gid uint32
		groups   []uint32
		want     owner
	}{
		{"its own", owner{5000, 5000, 0o640}, 5000, 5000, nil, owner{5000, 5000, 0o640}},
		{"by root", owner{5000, 5001, 0o640}, 0, 0, nil, owner{5000, 5001, 0o640}},
		{"of a group that it is in", owner{5000, 5001, 0o660}, 5000, 5000, []uint32{5001}, owner{5000, 5001, 0o660}},
		{"of another owner, and a group that it is in", owner{0, 5001, 0o660}, 5000, 5000, []uint32{5001}, owner{5000, 5001, 0o660}},
		{"of a group that it is not in", owner{5000, 5001, 0o664}, 5000, 5000, nil, owner{5000, 5000, 0o604}},
		{"of another owner, and its own group", owner{0, 5000, 0o660}, 5000, 5000, nil, owner{5000, 5000, 0o660}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := sharedFile(t, int(c.file.uid), int(c.file.gid), c.file.mode)
			writeAs(t, path, c.uid, c.gid, c.groups...)
			if got := ownerOf(t, path); got != c.want {
				t.Errorf("the file is %v, want %v", got, c.want)
			}
		})
	}
}

// list returns an access control list: owner, a user, the group, the mask, others.
func list(user uint32, group, mask uint16) []byte {
	const none = 0xffffffff
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, may uint16
		id       uint32
	}{{1, 6, none}, {2, 4, user}, {4, group, none}, {0x10, mask, none}, {0x20, 0, none}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.may)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

const aclAttr, defaultACL = "system.posix_acl_access", "system.posix_acl_default"

func attrOf(t *testing.T, path, name string) []byte {
	t.Helper()
	dest := make([]byte, 1024)
	n, err := unix.Getxattr(path, name, dest)
	if err != nil && !errors.Is(err, unix.ENODATA) {
		t.Fatal(err)
	}
	return dest[:max(n, 0)]
}

func setAttr(t *testing.T, path, name string, value []byte) {
	t.Helper()
	if err := unix.Setxattr(path, name, value, 0); err != nil {
		t.Skipf("needs a file system that keeps %s: %v", name, err)
	}
}

// TestAccessListStays: an access control list stays, and gives nothing to another
// group; one that the directory hands to new files does not stay.
func TestAccessListStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		group int    // of the file
		may   uint16 // what the list gives the group afterwards
	}{
		{"kept", 5000, 4},
		{"without the group", 5001, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := sharedFile(t, 5000, c.group, 0o640)
			setAttr(t, path, aclAttr, list(5002, 4, 6))
			writeAs(t, path, 5000, 5000)
			if got := attrOf(t, path, aclAttr); !bytes.Equal(got, list(5002, c.may, 6)) {
				t.Errorf("the list is %x", got)
			}
		})
	}
	t.Run("of the directory", func(t *testing.T) {
		path := sharedFile(t, 5000, 5000, 0o640)
		setAttr(t, filepath.Dir(path), defaultACL, list(5002, 4, 6))
		writeAs(t, path, 5000, 5000)
		if got := attrOf(t, path, aclAttr); len(got) > 0 {
			t.Errorf("the list is %x", got)
		}
		if got := ownerOf(t, path); got.mode != 0o640 {
			t.Errorf("the file is %v", got)
		}
	})
}

// TestLabelStays: the security label stays.
func TestLabelStays(t *testing.T) {
	path := sharedFile(t, 0, 0, 0o600)
	label := []byte("system_u:object_r:redis_conf_t:s0\x00")
	setAttr(t, path, "security.selinux", label)
	if err := atomicfile.WriteFile(path, []byte(newContent), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := attrOf(t, path, "security.selinux"); !bytes.Equal(got, label) {
		t.Errorf("the label is %q", got)
	}
}
