package fakeredis

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/internal/resptest"
)

// recordingHook treats commands as a table says, and notes what it is told.
type recordingHook struct {
	mu     sync.Mutex
	treat  map[string]Treatment
	told   []string
	closed int
}

func (h *recordingHook) Before(_ int64, args [][]byte) Treatment {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.treat[strings.ToLower(string(args[0]))]
}

func (h *recordingHook) After(_ int64, o Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kind := ""
	if o.Write {
		kind += " write"
	}
	if o.Data {
		kind += " data"
	}
	h.told = append(h.told, strings.TrimSpace(fmt.Sprintf("%s%s %s", o.Name, kind, o.Error)))
}

func (h *recordingHook) Closed(int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
}

func (h *recordingHook) takeTold() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.Join(h.told, "; ")
	h.told = nil
	return text
}

func TestHookSeesOutcomes(t *testing.T) {
	h := &recordingHook{}
	s := start(t, Config{Hook: h})
	startReplica(t, s) // its link is none of the hook's business
	c := resptest.Dial(t, "tcp", s.Addr())
	for _, step := range []struct{ send, told string }{
		{"SET k v", "set write data"},
		{"GET k", "get data"},
		{"CLIENT ID", "client|id"},
		{"INCR k", "incr write data ERR value is not an integer or out of range"},
		{"NONSENSE", " ERR unknown command 'NONSENSE', with args beginning with:"},
		{"MULTI", "multi"},
		{"SET k 1", ""},
		{"EXEC", "exec write data"},
	} {
		c.Send(step.send + "\r\n")
		if _, err := c.Value(); err != nil {
			t.Fatal(err)
		}
		// The reply is sent after the hook was told.
		if got := h.takeTold(); got != strings.TrimSpace(step.told) {
			t.Errorf("%s: told %q, want %q", step.send, got, step.told)
		}
	}
	if got := string(s.Do("GET", "k")); got != "$1\r\n1\r\n" {
		t.Errorf("Do: %q", got)
	}
	if got := string(s.Do("GET")); got != "-ERR wrong number of arguments for 'get' command\r\n" {
		t.Errorf("Do with too few words: %q", got)
	}
	if got := h.takeTold(); got != "" {
		t.Errorf("the hook was told of %q", got)
	}
	c.Close()
	resptest.Eventually(t, "the end to be told", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.closed == 1
	})
	s.Close()
	if got := string(s.Do("PING")); got != "-ERR the server has ended\r\n" {
		t.Errorf("Do after the end: %q", got)
	}
}

func TestHookChangesReplies(t *testing.T) {
	h := &recordingHook{treat: map[string]Treatment{
		"get": {Skip: true, Reply: []byte("-LOADING not yet\r\n")}, "set": {Skip: true},
		"ping": {Half: true}, "echo": {Skip: true, Reply: []byte("+bye\r\n"), Close: true},
	}}
	s := start(t, Config{Hook: h})
	c := resptest.Dial(t, "tcp", s.Addr())
	for _, step := range []struct{ send, got string }{
		{"GET k", "-LOADING not yet\n"},
		{"SET k v\r\nEXISTS k", ":0\n"}, // neither executed nor answered
		{"ECHO x", "+bye\n"},
	} {
		c.Send(step.send + "\r\n")
		if got, err := c.Value(); err != nil || got != step.got {
			t.Errorf("%q: %q, %v; want %q", step.send, got, err, step.got)
		}
	}
	if got, err := c.Value(); !resptest.Closed(err) {
		t.Errorf("after the last reply: %q, %v", got, err)
	}
	c = resptest.Dial(t, "tcp", s.Addr())
	if got := c.Do("PING"); !strings.HasPrefix(got, "+PO") || strings.Contains(got, "NG") {
		t.Errorf("half a PONG is %q", got)
	}
}
