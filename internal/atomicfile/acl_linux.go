package atomicfile

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Names of extended attributes.
const (
	aclAttr   = "system.posix_acl_access"
	labelAttr = "security.selinux"
)

// accessList is a POSIX access control list as the kernel hands it out: a version
// of 4 bytes, then entries of 8 bytes: tag, rights, id. Nil is none.
type accessList []byte

// Tags of entries: what the owning group may, and what bounds all but the owner
// and others.
const (
	tagOwnGroup = 0x04
	tagMask     = 0x10
)

// aclOf returns the list of a file; most have none beside their mode.
func aclOf(path string) accessList {
	list := attr(func(dest []byte) (int, error) { return unix.Getxattr(path, aclAttr, dest) })
	if len(list) < 4 || len(list)%8 != 4 {
		return nil
	}
	return list
}

// attr reads an extended attribute; nil when there is none, or none can be.
func attr(get func(dest []byte) (int, error)) []byte {
	n, err := get(nil)
	if err != nil || n <= 0 {
		return nil
	}
	dest := make([]byte, n)
	if n, err = get(dest); err != nil {
		return nil
	}
	return dest[:n]
}

// rights returns where the rights of the entry with a tag stand, or nil.
func (l accessList) rights(tag uint16) []byte {
	for at := 4; at < len(l); at += 8 {
		if binary.LittleEndian.Uint16(l[at:]) == tag {
			return l[at+2 : at+4]
		}
	}
	return nil
}

// ownGroup returns what the owning group may.
func (l accessList) ownGroup() fs.FileMode {
	may := uint16(0)
	if r := l.rights(tagOwnGroup); r != nil {
		may = binary.LittleEndian.Uint16(r)
	}
	if r := l.rights(tagMask); r != nil {
		may &= binary.LittleEndian.Uint16(r)
	}
	return fs.FileMode(may & 7)
}

// withoutGroup returns the list with no rights for the owning group.
func (l accessList) withoutGroup() accessList {
	l = bytes.Clone(l)
	clear(l.rights(tagOwnGroup))
	return l
}

// give sets the list of a file. Where that is impossible the mode holds alone,
// which gives the owning group what the list would.
func (l accessList) give(f *os.File) {
	if l != nil {
		_ = unix.Fsetxattr(int(f.Fd()), aclAttr, l, 0)
	}
}

// dropACL removes the list of a file, if it has one.
func dropACL(f *os.File) { _ = unix.Fremovexattr(int(f.Fd()), aclAttr) }

// likeLabel gives f the security label of another file, unless it has it already.
// A policy that forbids this has a label of its own for the file.
func likeLabel(f *os.File, path string) {
	want := attr(func(dest []byte) (int, error) { return unix.Getxattr(path, labelAttr, dest) })
	have := attr(func(dest []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), labelAttr, dest) })
	if want != nil && !bytes.Equal(want, have) {
		_ = unix.Fsetxattr(int(f.Fd()), labelAttr, want, 0)
	}
}
