package host

import "golang.org/x/sys/unix"

// unitKills are the system calls for which Debian's redis-sentinel.service kills:
// its SystemCallFilter is @system-service without @privileged and @resources, and
// this is what `systemd-analyze syscall-filter` of systemd 252 leaves out of that.
var unitKills = []uint32{
	// @privileged
	unix.SYS_CHOWN, unix.SYS_FCHOWN, unix.SYS_LCHOWN, unix.SYS_FCHOWNAT,
	unix.SYS_SETUID, unix.SYS_SETREUID, unix.SYS_SETGROUPS, unix.SYS_SETRESUID, unix.SYS_SETFSUID,
	unix.SYS_CAPSET, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_ACCT, unix.SYS_VHANGUP,
	unix.SYS_ADJTIMEX, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_NFSSERVCTL,
	unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_BPF, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK, unix.SYS_OPEN_BY_HANDLE_AT,
	// @resources
	unix.SYS_SETRLIMIT, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY,
	unix.SYS_SET_MEMPOLICY_HOME_NODE, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR,
	// not in @system-service
	unix.SYS_MINCORE, unix.SYS_PTRACE, unix.SYS_SYSLOG, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS_MODIFY_LDT,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG,
	unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_SECCOMP, unix.SYS_PKEY_MPROTECT, unix.SYS_PKEY_ALLOC, unix.SYS_PKEY_FREE, unix.SYS_PIDFD_GETFD,
	unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF,
	unix.SYS_MEMFD_SECRET, unix.SYS_PROCESS_MRELEASE,
}
