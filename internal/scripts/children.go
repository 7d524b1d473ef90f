package scripts

import "sync"

// children are the processes that this program started and that are not reaped
// yet. The reaper of orphans must leave them alone: the exit status of a script
// decides whether it is tried again.
var children = family{own: map[int]bool{}, ended: make(chan struct{}, 1)}

type family struct {
	// mu is held while a process is started, so that nobody sees one that is
	// neither ours nor foreign.
	mu    sync.Mutex
	own   map[int]bool
	ended chan struct{} // holds one token when a child of ours was reaped
}

// begin starts a process and remembers it.
func (f *family) begin(start func() (pid int, err error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	pid, err := start()
	if err == nil {
		f.own[pid] = true
	}
	return err
}

// end forgets a process that was reaped.
func (f *family) end(pid int) {
	f.mu.Lock()
	delete(f.own, pid)
	f.mu.Unlock()
	select {
	case f.ended <- struct{}{}:
	default:
	}
}
