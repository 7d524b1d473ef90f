package mock

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// habits are the mistakes that the client of this file can make. Without any, it is
// a right client.
type habits struct {
	trustsEvents    bool // asks again only when the first Sentinel tells it to
	keepsReadOnly   bool // takes -READONLY for an error like any other
	believesFirst   bool // asks in the order of the list and does not look at the role
	waitsForEver    bool // has no time limit
	givesUp         bool // ends when no Sentinel can be reached
	keepsWhatWorks  bool // asks only when a connection fails
	readsAnywhere   bool // takes any replica of the list
	endsWhenLoading bool
	neverPauses     bool
}

// application is a client at work, with one connection to a server.
type application struct {
	habits
	a    Announcement
	told atomic.Bool // the first Sentinel has told of a new master

	mu   sync.Mutex // guards conn for interrupt
	conn net.Conn
	in   *bufio.Reader
}

const (
	askLimit  = 300 * time.Millisecond
	pollEvery = 100 * time.Millisecond
)

// work runs until the context ends.
func (c *application) work(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.listen(ctx) })
	defer context.AfterFunc(ctx, c.interrupt)()
	command := "INCR counter"
	if c.a.Workload == Read {
		command = "GET counter"
	}
	target, asked := "", time.Time{}
	for pause := time.Millisecond; ctx.Err() == nil; {
		lost := c.conn == nil
		again := lost && !(c.trustsEvents && target != "") || c.told.Swap(false) && !c.keepsWhatWorks ||
			!c.trustsEvents && !c.keepsWhatWorks && !c.neverPauses && time.Since(asked) > pollEvery
		if again {
			asked = time.Now()
			switch found := c.find(ctx); {
			case found == "" && c.givesUp:
				<-ctx.Done()
				return
			case found != "" && found != target:
				c.hangUp()
				target = found
			}
		}
		if c.conn == nil && target != "" {
			c.dial(target)
		}
		switch reply := c.call(command); {
		case strings.HasPrefix(reply, "-LOADING") && c.endsWhenLoading:
			<-ctx.Done()
			return
		case reply == "" || reply[0] == '-' && !(strings.HasPrefix(reply, "-READONLY") && c.keepsReadOnly):
			c.hangUp()
			pause = min(2*pause, 200*time.Millisecond)
		default:
			pause = 5 * time.Millisecond
		}
		if !c.neverPauses {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
	c.hangUp()
}

// find asks the Sentinels for the server to work with.
func (c *application) find(ctx context.Context) string {
	list := c.a.Sentinels
	votes := map[string]int{}
	for _, s := range list {
		for _, addr := range c.ask(ctx, s.Addr) {
			if c.believesFirst || c.a.Workload == Read {
				return addr
			}
			if role := c.exchange(ctx, addr, "ROLE"); strings.HasPrefix(role, "*3\r\n$6\r\nmaster") {
				votes[addr]++
			}
		}
	}
	best := ""
	for addr, n := range votes {
		if n > votes[best] || n == votes[best] && addr < best {
			best = addr
		}
	}
	return best
}

// ask returns what one Sentinel names, the best first.
func (c *application) ask(ctx context.Context, sentinel string) []string {
	if c.a.Workload != Read {
		w := strings.Fields(c.exchange(ctx, sentinel, "SENTINEL get-master-addr-by-name "+c.a.Master))
		if len(w) != 5 {
			return nil
		}
		return []string{net.JoinHostPort(w[2], w[4])}
	}
	var good []string
	for row := range strings.SplitSeq(c.exchange(ctx, sentinel, "SENTINEL replicas "+c.a.Master), "$4\r\nname\r\n") {
		w := strings.Split(row, "\r\n")
		flags := slices.Index(w, "flags")
		if flags < 0 {
			continue
		}
		if c.readsAnywhere || !strings.Contains(w[flags+2], "down") {
			good = append(good, w[1])
		}
	}
	return good
}

// exchange sends one command on a connection of its own.
func (c *application) exchange(ctx context.Context, addr, command string) string {
	d := net.Dialer{Timeout: askLimit}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if !c.waitsForEver {
		_ = conn.SetDeadline(time.Now().Add(askLimit))
	}
	_, _ = conn.Write([]byte(command + "\r\n"))
	buffer, n := make([]byte, 16<<10), 0
	for {
		m, err := conn.Read(buffer[n:])
		n += m
		if err != nil || whole(string(buffer[:n])) {
			return string(buffer[:n])
		}
	}
}

// whole reports whether a reply is complete; an array of arrays of texts at most.
func whole(reply string) bool {
	r := bufio.NewReader(strings.NewReader(reply))
	_, err := readReply(r)
	return err == nil
}

// readReply reads one RESP2 value and returns its first line.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	n := 0
	if line[0] == '*' || line[0] == '$' {
		if _, err := fmt.Sscanf(line[1:], "%d", &n); err != nil {
			return "", err
		}
	}
	switch {
	case line[0] == '$' && n >= 0:
		_, err = r.Discard(n + 2)
	case line[0] == '*':
		for range n {
			if _, err = readReply(r); err != nil {
				break
			}
		}
	}
	return line, err
}

func (c *application) dial(addr string) {
	conn, err := net.DialTimeout("tcp", addr, askLimit)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
}

func (c *application) hangUp() {
	c.interrupt()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
}

// interrupt ends a call that waits.
func (c *application) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}

func (c *application) call(command string) string {
	if c.conn == nil {
		return ""
	}
	if !c.waitsForEver && !c.readsAnywhere {
		_ = c.conn.SetDeadline(time.Now().Add(askLimit))
	}
	_, _ = c.conn.Write([]byte(command + "\r\n"))
	reply, err := readReply(c.in)
	if err != nil {
		return ""
	}
	return reply
}

// listen waits for news of the first Sentinel, once.
func (c *application) listen(ctx context.Context) {
	conn, err := net.DialTimeout("tcp", c.a.Sentinels[0].Addr, askLimit)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, _ = conn.Write([]byte("SUBSCRIBE +switch-master\r\n"))
	for r := bufio.NewReader(conn); ; c.told.Store(true) {
		if _, err := readReply(r); err != nil {
			return
		}
	}
}

// TestEachMistakeIsNoticed plays each of the nine scripts with a client that makes
// that mistake, which must fail, and with one that makes none, which must not.
func TestEachMistakeIsNoticed(t *testing.T) {
	wrong := map[string]habits{
		"missed-event":    {trustsEvents: true},
		"demoted-master":  {keepsReadOnly: true, keepsWhatWorks: true},
		"stale-sentinel":  {believesFirst: true},
		"silent-sentinel": {waitsForEver: true},
		"all-gone":        {givesUp: true},
		"old-master":      {keepsWhatWorks: true},
		"dead-replicas":   {readsAnywhere: true},
		"loading":         {endsWhenLoading: true, believesFirst: true},
		"flood":           {neverPauses: true},
	}
	var wg sync.WaitGroup // not parallel subtests: they only wait
	for _, name := range Names() {
		source, err := Source(name)
		must(t, err)
		if s, err := Parse(name, source); err != nil || s.Mistake == "" {
			continue
		}
		mistake, known := wrong[name]
		if !known {
			t.Errorf("nobody makes the mistake of %s", name)
			continue
		}
		// Whom it takes long is not asked here.
		short := strings.NewReplacer("within 15s", "within 5s", "within 20s", "within 5s", "within 10s", "within 5s", "slow 700ms", "slow 50ms").Replace(string(source))
		for h, want := range map[habits]Result{{}: Pass, mistake: Fail} {
			s, err := Parse(name, []byte(short))
			must(t, err)
			m, err := Start(s, Options{})
			must(t, err)
			defer m.Close()
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					(&application{habits: h, a: m.Announcement()}).work(ctx)
				}()
				<-m.Done()
				cancel()
				<-ended
				v, line := m.Verdict(), ""
				if v.Line > 0 {
					line = strings.TrimSpace(strings.Split(short, "\n")[v.Line-1])
				}
				// A wait only says that the client did not come so far.
				if v.Result != want || want == Fail && !strings.HasPrefix(line, "expect") && !strings.HasPrefix(line, "forbid") {
					t.Errorf("%+v: %+v\n%v", h, v, m.State().Counts)
				}
			})
		}
	}
	wg.Wait()
}
