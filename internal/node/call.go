package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/monitor"
)

// This file has what the embedding program asks of a running Sentinel. Each call
// ends when its context does, or the Sentinel: the loop answers in turn, so a
// caller never holds it up.

// Ask runs f on the goroutine of the loop, where the core does not change, and
// returns its result. f must only copy, because the whole Sentinel waits for it,
// and it may run after Ask has returned the error of ctx.
func Ask[T any](ctx context.Context, n *Node, f func(c *monitor.Core, now monitor.Instant) T) (T, error) {
	answer := make(chan T, 1)
	return exchange(ctx, n, answer, item{view: func(c *monitor.Core, now monitor.Instant) { answer <- f(c, now) }})
}

// Call carries out an operator's command. If its result depends on a write to disk,
// it waits for that too. The error is about the call alone: ErrNotRunning, or that
// of ctx, after which the command may still be carried out. What the core says is in
// the result.
func (n *Node) Call(ctx context.Context, op monitor.Op) (monitor.CallResult, error) {
	answer := make(chan any, 1)
	r, err := exchange(ctx, n, answer, item{answer: answer, request: func(ref monitor.PeerRef) monitor.Input {
		return monitor.Call{From: ref, Op: op}
	}})
	result, _ := r.(monitor.CallResult)
	return result, err
}

// exchange puts an item into the inbox of the loop and waits for the answer.
func exchange[T any](ctx context.Context, n *Node, answer <-chan T, it item) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	l := n.running.Load()
	if l == nil {
		return none, ErrNotRunning
	}
	it.at = l.inbox.clock.now()
	select {
	case l.inbox.items <- it:
	case <-l.inbox.done:
		return none, ErrNotRunning
	case <-ctx.Done():
		return none, ctx.Err()
	}
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return none, ctx.Err()
	case <-l.inbox.done:
		select { // it may have been answered just before the end
		case r := <-answer:
			return r, nil
		default:
			return none, ErrNotRunning
		}
	}
}

// Wall returns the time of day at an instant of the running core.
func (n *Node) Wall(t monitor.Instant) time.Time {
	if l := n.running.Load(); l != nil {
		return l.inbox.clock.wall(t)
	}
	return time.Time{}
}

// Resolve returns the address of a host: an IP address, or a name where the core
// allows names.
func (n *Node) Resolve(ctx context.Context, host string) (monitor.Addr, error) {
	if ip, ok := numhost.Parse(host); ok {
		return monitor.Addr{Host: ip, IP: ip}, nil
	}
	names, err := Ask(ctx, n, func(c *monitor.Core, _ monitor.Instant) bool { return c.Options().ResolveHostnames })
	if err != nil {
		return monitor.Addr{}, err
	}
	if !names {
		return monitor.Addr{}, fmt.Errorf("%q is not an IP address: set ResolveHostnames to use names", host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ip, err := n.names().one(ctx, host)
	if err != nil {
		return monitor.Addr{}, fmt.Errorf("%q cannot be resolved: %w", host, err)
	}
	return monitor.Addr{Host: host, IP: ip}, nil
}

// The checks of Health, in their order.
const (
	CheckRunning  = "running"
	CheckLoop     = "loop"
	CheckStore    = "store"
	CheckTilt     = "tilt"
	CheckMajority = "majority"
)

// healthPatience bounds how long Health waits for the loop.
const healthPatience = 2 * time.Second

// Health returns the first check that fails, with the reason; "" when none does.
func (n *Node) Health(ctx context.Context) (check, reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	asked := time.Now()
	type finding struct{ check, reason string }
	found, err := Ask(ctx, n, func(c *monitor.Core, now monitor.Instant) finding {
		check, reason := judge(c, now)
		return finding{check, reason}
	})
	switch {
	case errors.Is(err, ErrNotRunning):
		return CheckRunning, "Run has not begun to work, or has ended", err
	case err != nil:
		return CheckLoop, "no answer after " + time.Since(asked).Round(time.Millisecond).String(), err
	}
	return found.check, found.reason, nil
}

// judge makes the checks that need the core.
func judge(c *monitor.Core, now monitor.Instant) (check, reason string) {
	if text := c.SaveTrouble(); text != "" {
		return CheckStore, "the state cannot be saved: " + text
	}
	if on, since := c.Tilt(now); on {
		return CheckTilt, "it stood still or its clock jumped, and it judges nothing for a while; since " + since.Round(time.Second).String()
	}
	var lacking []string
	first := ""
	for _, v := range c.Masters(now) {
		if why := v.QuorumTrouble(); why != "" {
			if first == "" {
				first = v.Name + ": " + why
			}
			lacking = append(lacking, v.Name)
		}
	}
	if len(lacking) > 1 {
		first += "; the same or similar for " + strings.Join(lacking[1:min(len(lacking), 4)], ", ")
		if len(lacking) > 4 {
			first += fmt.Sprintf(" and %d more", len(lacking)-4)
		}
	}
	if first != "" {
		return CheckMajority, first
	}
	return "", ""
}
