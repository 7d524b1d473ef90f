package sim

import (
	"slices"

	"github.com/gosentinel/sentinel/monitor"
)

// storageKind is how a server keeps its data across a restart.
type storageKind uint8

const (
	snapshots  storageKind = iota // RDB files, one a second, and one in an orderly end
	appendOnly                    // an append only file, synchronised once a second
	noStorage                     // nothing but what a full resynchronisation has left
	storageKinds
)

// storage is the disk of a server.
type storage struct {
	kind storageKind
	disk dataset // what a crash would leave
	exit dataset // what an orderly end of the last process would have left
}

// dataset is a copy of the data. Nobody changes its log.
type dataset struct {
	log   []uint32
	ahead int
	id    uint64 // of the history that the offset belongs to; 0: it tells none
}

func (d *dataset) position() int { return len(d.log) + d.ahead }

// dataLoss is how much a restart loses.
type dataLoss int

const (
	loseNothing dataLoss = iota // an orderly end
	loseTail                    // a crash
	loseAll                     // with the disk
)

// store is what a server does once a second for its disk.
func (s *server) store() {
	if s.storage.kind != noStorage && s.filling == nil {
		s.storage.disk = s.snapshot()
	}
}

// snapshot is what goes to the disk. An append only file tells no history, and
// neither does a server that has none to share with others.
func (s *server) snapshot() dataset {
	d := dataset{log: s.log[:len(s.log):len(s.log)], ahead: s.ahead}
	if s.storage.kind != appendOnly && s.shares {
		d.id = s.replID
	}
	return d
}

// ended notes what an orderly end of the process would leave on the disk.
func (s *server) ended() {
	s.storage.exit = s.storage.disk
	if s.storage.kind != noStorage && s.filling == nil {
		s.storage.exit = s.snapshot()
	}
}

// load reads the data at the start of a process. A master that reads a history
// continues it under another name. Without one it begins at 0, whatever the data.
func (s *server) load(keep dataLoss) {
	d := s.storage.exit
	switch keep {
	case loseTail:
		d = s.storage.disk
	case loseAll:
		d = dataset{}
	}
	s.storage.disk = d
	s.replID, s.oldID, s.oldUntil, s.keeps, s.shares = s.w.newReplID(), 0, 0, false, false
	s.hold(d)
	switch {
	case d.id == 0:
		s.ahead = -len(d.log)
	case s.role == monitor.RoleMaster:
		s.oldID, s.oldUntil = d.id, d.position()
		s.keepStream()
		s.shares = true
	default:
		s.replID, s.shares = d.id, true
	}
}

// keepStream begins a backlog.
func (s *server) keepStream() {
	if !s.keeps {
		s.keeps, s.keepsFrom = true, s.position()
	}
}

// hold replaces the data.
func (s *server) hold(d dataset) {
	s.log, s.ahead = d.log, d.ahead
	s.keyed = slices.ContainsFunc(d.log, func(write uint32) bool { return write != 0 })
}
