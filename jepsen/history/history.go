package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Outcome is what a client knows of an operation.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"      // it was acknowledged
	Fail    Outcome = "fail"    // it did not happen
	Unknown Outcome = "unknown" // it happened, or did not, or will
)

// Functions of operations.
const (
	Add      = "add"      // append Value to the list of the client
	Read     = "read"     // read such a list: Values
	Transfer = "transfer" // move an amount between two accounts
	Audit    = "audit"    // read all accounts: Values
)

// The bank: how many accounts there are, and what is in each at the beginning. BankKey
// stands for all of them together.
const (
	Accounts = 5
	Deposit  = 100
	BankKey  = "jepsen:account:*"
)

// Op is one operation of a client.
type Op struct {
	Client  string        `json:"client"` // its name, such as "library0"
	Func    string        `json:"f"`
	Key     string        `json:"key,omitempty"`
	Value   int64         `json:"value,omitempty"`
	Values  []int64       `json:"values,omitempty"`
	Call    time.Duration `json:"call"`
	Return  time.Duration `json:"return"`
	Outcome Outcome       `json:"outcome"`
	Error   string        `json:"error,omitempty"`
	// Server is the address of the connection; empty where something stands between.
	Server string `json:"server,omitempty"`
}

// View is what a Sentinel answered when it was asked for the master.
type View struct {
	Sentinel string        `json:"sentinel"`
	Call     time.Duration `json:"call"`
	Return   time.Duration `json:"return"`
	// Master is what GET-MASTER-ADDR-BY-NAME said.
	Master string `json:"master"`
	// Epoch is the configuration epoch, and Flags those of the master, by SENTINEL MASTER.
	Epoch uint64 `json:"epoch"`
	Flags string `json:"flags"`
}

// Role is what a server answered to ROLE.
type Role struct {
	Server string        `json:"server"` // address
	Call   time.Duration `json:"call"`
	Return time.Duration `json:"return"`
	Role   string        `json:"role"`             // "master" or "slave"
	Master string        `json:"master,omitempty"` // address, of a replica
	Link   string        `json:"link,omitempty"`   // state of the link, of a replica
}

// Hello is a hello message of a Sentinel, as a server handed it out.
type Hello struct {
	At           time.Duration `json:"at"` // when it arrived
	By           string        `json:"by"` // id of the Sentinel
	CurrentEpoch uint64        `json:"current"`
	Epoch        uint64        `json:"epoch"` // of the configuration
	Master       string        `json:"master"`
}

// Event is an event of a Sentinel, as a subscriber got it or as its log has it.
type Event struct {
	At       time.Duration `json:"at"`
	Sentinel string        `json:"sentinel"`
	Name     string        `json:"name"`
	Text     string        `json:"text"`
	Logged   bool          `json:"logged,omitempty"` // from the log: At is its time stamp
	Life     int           `json:"life,omitempty"`   // from the log: the process id
}

// Fault is one fault of the schedule, as it was carried out.
type Fault struct {
	Number  int           `json:"number"` // in the schedule, from 0
	What    string        `json:"what"`
	Targets []string      `json:"targets"`
	Begin   time.Duration `json:"begin"`
	End     time.Duration `json:"end"`
	// Seen is what showed that it happened; empty: nothing did.
	Seen string `json:"seen,omitempty"`
	// Error is why it could not be made or undone.
	Error string `json:"error,omitempty"`
}

// Attempt is an attempt to move the master, in the journal of a gosentinel at the end.
type Attempt struct {
	Sentinel string `json:"sentinel"`
	From     string `json:"from"`
	To       string `json:"to"` // empty: it came to nothing
	Epoch    uint64 `json:"epoch"`
	Kind     string `json:"kind"`
	Outcome  string `json:"outcome"`
}

// Place is a process at the beginning of the run.
type Place struct {
	Name    string `json:"name"`
	Addr    string `json:"addr"`
	Program string `json:"program,omitempty"` // of a Sentinel: what it runs
	ID      string `json:"id,omitempty"`      // of a Sentinel
}

// Mark is a moment of the run, such as the beginning of a phase.
type Mark struct {
	At   time.Duration `json:"at"`
	What string        `json:"what"`
}

// Late says that this program did not run when it should have.
type Late struct {
	At time.Duration `json:"at"`
	By time.Duration `json:"by"`
}

// Final is a list or the accounts at the end, by the master on which all agree.
type Final struct {
	Key    string  `json:"key"`
	Values []int64 `json:"values"`
}

// History is everything that was seen. The records of each slice are in the order in
// which they were complete.
type History struct {
	Ops      []Op
	Views    []View
	Roles    []Role
	Hellos   []Hello
	Events   []Event
	Faults   []Fault
	Marks    []Mark
	Lates    []Late
	Finals   []Final
	Attempts []Attempt
	Places   []Place
	// Dropped is how many records came when the history was full.
	Dropped int
}

// line is one record of a file.
type line struct {
	Op      *Op      `json:"op,omitempty"`
	View    *View    `json:"view,omitempty"`
	Role    *Role    `json:"role,omitempty"`
	Hello   *Hello   `json:"hello,omitempty"`
	Event   *Event   `json:"event,omitempty"`
	Fault   *Fault   `json:"fault,omitempty"`
	Mark    *Mark    `json:"mark,omitempty"`
	Late    *Late    `json:"late,omitempty"`
	Final   *Final   `json:"final,omitempty"`
	Attempt *Attempt `json:"attempt,omitempty"`
	Place   *Place   `json:"place,omitempty"`
	// Dropped is the last line of a history that was full.
	Dropped int `json:"dropped,omitempty"`
}

func (h *History) add(l line) {
	push(&h.Ops, l.Op)
	push(&h.Views, l.View)
	push(&h.Roles, l.Role)
	push(&h.Hellos, l.Hello)
	push(&h.Events, l.Event)
	push(&h.Faults, l.Fault)
	push(&h.Marks, l.Mark)
	push(&h.Lates, l.Late)
	push(&h.Finals, l.Final)
	push(&h.Attempts, l.Attempt)
	push(&h.Places, l.Place)
	h.Dropped += l.Dropped
}

func push[T any](to *[]T, r *T) {
	if r != nil {
		*to = append(*to, *r)
	}
}

// maxRecords bounds a history, should a run go wild. The first records are kept.
const maxRecords = 2_000_000

// Recorder writes a history down. Its methods are safe for concurrent use.
type Recorder struct {
	start time.Time

	mu      sync.Mutex
	h       History
	n       int
	file    *os.File
	buffer  *bufio.Writer
	encoder *json.Encoder
	err     error // the first one
}

// New begins a history in a new file.
func New(path string) (*Recorder, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	b := bufio.NewWriter(f)
	return &Recorder{start: time.Now(), file: f, buffer: b, encoder: json.NewEncoder(b)}, nil
}

// Now returns the time of the run.
func (r *Recorder) Now() time.Duration { return time.Since(r.start) }

// At returns the time of the run at t.
func (r *Recorder) At(t time.Time) time.Duration { return t.Sub(r.start) }

// Op records an operation.
func (r *Recorder) Op(o Op) { r.add(line{Op: &o}) }

// View records an answer of a Sentinel.
func (r *Recorder) View(v View) { r.add(line{View: &v}) }

// Role records an answer of a server.
func (r *Recorder) Role(v Role) { r.add(line{Role: &v}) }

// Hello records a hello message.
func (r *Recorder) Hello(m Hello) { r.add(line{Hello: &m}) }

// Event records an event.
func (r *Recorder) Event(e Event) { r.add(line{Event: &e}) }

// Fault records a fault that is over.
func (r *Recorder) Fault(f Fault) { r.add(line{Fault: &f}) }

// Mark records a moment, which is now.
func (r *Recorder) Mark(what string) { r.add(line{Mark: &Mark{r.Now(), what}}) }

// Late records that this program came too late.
func (r *Recorder) Late(by time.Duration) { r.add(line{Late: &Late{r.Now(), by}}) }

// Final records what there is at the end.
func (r *Recorder) Final(f Final) { r.add(line{Final: &f}) }

// Place records where a process is.
func (r *Recorder) Place(p Place) { r.add(line{Place: &p}) }

// Attempt records an entry of a journal.
func (r *Recorder) Attempt(a Attempt) { r.add(line{Attempt: &a}) }

func (r *Recorder) add(l line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; r.n > maxRecords {
		r.h.Dropped++
		return
	}
	r.h.add(l)
	if err := r.encoder.Encode(l); err != nil && r.err == nil {
		r.err = err
	}
}

// Close ends the history and returns it. Nothing may be recorded afterwards.
func (r *Recorder) Close() (History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.h.Dropped > 0 {
		r.err = errors.Join(r.err, r.encoder.Encode(line{Dropped: r.h.Dropped}))
	}
	return r.h, errors.Join(r.err, r.buffer.Flush(), r.file.Close())
}

// Load reads the file of a history.
func Load(path string) (History, error) {
	f, err := os.Open(path)
	if err != nil {
		return History{}, err
	}
	defer f.Close()
	var h History
	d := json.NewDecoder(bufio.NewReader(f))
	for n := 1; ; n++ {
		var l line
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return h, nil
		case err != nil:
			return h, fmt.Errorf("%s: record %d: %w", path, n, err)
		}
		h.add(l)
	}
}
