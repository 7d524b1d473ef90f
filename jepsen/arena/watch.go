package arena

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/history"
)

// askEvery is the time between two questions to one process. It is not so short that
// the questions load the machine.
const askEvery = 100 * time.Millisecond

// helloChannel is where Sentinels publish what they know.
const helloChannel = "__sentinel__:hello"

// Watch asks all processes again and again, and records what they answer, until ctx
// ends. Who does not answer leaves no record.
func (a *Arena) Watch(ctx context.Context, to *history.Recorder) {
	var all sync.WaitGroup
	view := func(s *cluster.Sentinel) {
		all.Go(func() { repeat(ctx, func(ctx context.Context) { viewOf(ctx, s, to) }) })
	}
	a.mu.Lock()
	for _, s := range a.sentinels {
		view(s)
	}
	a.watch = view // those that join later
	a.mu.Unlock()
	for _, s := range a.Servers {
		all.Go(func() { repeat(ctx, func(ctx context.Context) { roleOf(ctx, s, to) }) })
		all.Go(func() { hellosAt(ctx, s, to) })
	}
	<-ctx.Done()
	a.mu.Lock()
	a.watch = nil
	a.mu.Unlock()
	all.Wait()
}

func repeat(ctx context.Context, do func(context.Context)) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		do(limited)
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// viewOf records two answers as one view: the epoch is asked for before the address, so
// it is never newer.
func viewOf(ctx context.Context, s *cluster.Sentinel, to *history.Recorder) {
	v := history.View{Sentinel: s.Name(), Call: to.Now()}
	m, err := s.Master(ctx, MasterName)
	if err != nil {
		return
	}
	addr, err := s.Client().Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName).StringSlice()
	if err != nil || len(addr) != 2 {
		return
	}
	epoch, err := strconv.ParseUint(m["config-epoch"], 10, 64)
	if err != nil {
		return
	}
	v.Return, v.Master, v.Epoch, v.Flags = to.Now(), net.JoinHostPort(addr[0], addr[1]), epoch, m["flags"]
	to.View(v)
}

func roleOf(ctx context.Context, s *cluster.Server, to *history.Recorder) {
	r := history.Role{Server: s.Addr(), Call: to.Now()}
	v, err := s.Client().Do(ctx, "ROLE").Slice()
	if err != nil || len(v) < 3 {
		return
	}
	r.Return, r.Role = to.Now(), fmt.Sprint(v[0])
	if r.Role == "slave" && len(v) >= 4 {
		r.Master, r.Link = net.JoinHostPort(fmt.Sprint(v[1]), fmt.Sprint(v[2])), fmt.Sprint(v[3])
	}
	to.Role(r)
}

// hellosAt records the hello messages that a server hands out. The client subscribes
// again by itself when the connection ends.
func hellosAt(ctx context.Context, s *cluster.Server, to *history.Recorder) {
	ps := s.Client().Subscribe(ctx, helloChannel)
	defer ps.Close()
	messages := ps.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case m, open := <-messages:
			if !open {
				return
			}
			if h, ok := parseHello(m.Payload); ok {
				h.At = to.Now()
				to.Hello(h)
			}
		}
	}
}

// parseHello reads ip,port,id,current epoch,name,master ip,master port,config epoch.
func parseHello(text string) (h history.Hello, ok bool) {
	f := strings.Split(text, ",")
	if len(f) < 8 || f[4] != MasterName {
		return h, false
	}
	var err, other error
	h.By, h.Master = f[2], net.JoinHostPort(f[5], f[6])
	h.CurrentEpoch, err = strconv.ParseUint(f[3], 10, 64)
	h.Epoch, other = strconv.ParseUint(f[7], 10, 64)
	return h, err == nil && other == nil
}
