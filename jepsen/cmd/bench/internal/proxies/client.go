package proxies

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// client asks one thing after the other on one connection, at a steady pace. A writer
// appends numbers to a list of its own, so that its history can be checked.
type client struct {
	key    string
	writer bool
	conn   net.Conn
	in     *bufio.Reader

	acked   []int
	errs    []string
	longest time.Duration // until a reply
}

// patience is how long a client waits for a reply.
const patience = 20 * time.Second

// crowd are clients that share a rate.
type crowd struct {
	list   []*client
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// gather starts clients, every second one a writer, which together send so many requests
// per second. lists is how the names of their lists begin.
func gather(ctx context.Context, addr, lists string, n, rate int) (*crowd, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &crowd{cancel: cancel}
	for i := range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			w.stop()
			return nil, err
		}
		c := &client{key: lists + ":" + strconv.Itoa(i), writer: i%2 == 0, conn: conn, in: bufio.NewReader(conn)}
		w.list = append(w.list, c)
		w.tasks.Go(func() {
			tick := time.NewTicker(time.Second * time.Duration(n) / time.Duration(rate))
			defer tick.Stop()
			for k := 0; ctx.Err() == nil && c.ask(k); k++ {
				<-tick.C
			}
		})
	}
	return w, nil
}

// stop waits for what is under way.
func (w *crowd) stop() {
	w.cancel()
	w.tasks.Wait()
	for _, c := range w.list {
		_ = c.conn.Close()
	}
}

// ask sends a request and waits for the reply. It reports whether the connection can be
// used any more.
func (c *client) ask(k int) bool {
	start := time.Now()
	request := fmt.Appendf(nil, "*2\r\n$3\r\nGET\r\n$5\r\nvalue\r\n")
	if c.writer {
		number := strconv.Itoa(k)
		request = fmt.Appendf(nil, "*3\r\n$5\r\nRPUSH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(c.key), c.key, len(number), number)
	}
	_ = c.conn.SetDeadline(start.Add(patience))
	_, err := c.conn.Write(request)
	line := ""
	if err == nil {
		line, err = c.in.ReadString('\n')
	}
	c.longest = max(c.longest, time.Since(start))
	switch {
	case err != nil:
		c.errs = append(c.errs, err.Error())
	case line[0] == '-':
		c.errs = append(c.errs, strings.TrimSpace(line))
	default:
		c.acked = append(c.acked, k)
	}
	return err == nil
}

// history compares what was acknowledged with the list that the server has.
func (c *client) history(ctx context.Context, server *redis.Client) (lost int, err error) {
	if !c.writer {
		return 0, nil
	}
	list, err := server.LRange(ctx, c.key, 0, -1).Result()
	if err != nil {
		return 0, err
	}
	there, last := map[int]bool{}, -1
	for _, text := range list {
		k, err := strconv.Atoi(text)
		if err != nil {
			return 0, err
		}
		if k <= last {
			return 0, errors.New(c.key + ": " + text + " stands behind " + strconv.Itoa(last))
		}
		there[k], last = true, k
	}
	for _, k := range c.acked {
		if !there[k] {
			lost++
		}
	}
	return lost, nil
}
