package scale

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

// falseAlarms has a Sentinel watch sound masters on a machine that has too much to do.
func falseAlarms(ctx context.Context, s *stage) ([]float64, error) {
	if err := s.enter(ctx, pairs(20, time.Second)); err != nil {
		return nil, err
	}
	end, err := load()
	if err != nil {
		return nil, err
	}
	begun, while := time.Now(), s.span(30*time.Minute, 5*time.Second)
	u, err := s.spend(ctx, s.sentinels[0], while)
	if err := errors.Join(err, end()); err != nil {
		return nil, err
	}
	events := s.c.Events().Since(begun)
	return []float64{float64(count(events, "+sdown")), milliseconds(u.CPU) / while.Minutes(), float64(count(events, "+tilt"))}, nil
}

// load keeps the processors and the network busy: two goroutines compute for each
// processor, and one connection carries as much as it can.
func load() (end func() error, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if nc, err := ln.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, nc) // until the other side ends it
			_ = nc.Close()
		}
	})
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		cancel()
		return nil, errors.Join(err, ln.Close())
	}
	work.Go(func() {
		for block := make([]byte, 1<<16); ; {
			if _, err := out.Write(block); err != nil {
				return
			}
		}
	})
	for range 2 * runtime.NumCPU() {
		work.Go(func() {
			for x := uint64(1); ctx.Err() == nil; {
				for range 1 << 20 {
					x = x*6364136223846793005 + 1
				}
				runtime.KeepAlive(x)
			}
		})
	}
	return func() error {
		cancel()
		err := errors.Join(out.Close(), ln.Close())
		work.Wait()
		return err
	}, nil
}
