package nemesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

func partition(_ context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return n.cut(t, netns.Both)
}

func deaf(_ context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return n.cut(t, func(in, out []*netns.Host) []netns.Pair { return netns.Across(out, in) })
}

func mute(_ context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return n.cut(t, netns.Across)
}

// cut loses everything in some directions between targets and others.
func (n *Nemesis) cut(t targets, directions func(in, out []*netns.Host) []netns.Pair) (deed, error) {
	in, out, err := t.sides(n.arena)
	if err != nil {
		return deed{}, err
	}
	network, pairs := n.arena.Network(), directions(in, out)
	if err := network.Cut(pairs...); err != nil {
		return deed{}, err
	}
	probed := network.Probe(pairs...)
	return deed{undo: func(context.Context) (string, error) {
		seen, err := packets(network.Mend(pairs...))
		return seen, errors.Join(probed, err)
	}}, nil
}

// packets says what shows that something was lost.
func packets(lost int, err error) (seen string, _ error) {
	if err == nil && lost == 0 {
		err = errors.New("no packet was lost")
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d packets were lost", lost), nil
}

func lose(_ context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	in, out, err := t.sides(n.arena)
	if err != nil {
		return deed{}, err
	}
	network, pairs := n.arena.Network(), netns.Both(in, out)
	return deed{undo: func(context.Context) (string, error) {
		return packets(network.Thicken(f.Percent, pairs...))
	}}, network.Thin(f.Percent, pairs...)
}

// delay holds up what the targets send.
func delay(_ context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	in, _, err := t.sides(n.arena)
	if err != nil {
		return deed{}, err
	}
	network := n.arena.Network()
	return deed{undo: func(context.Context) (string, error) {
		held, err := network.Release(in...)
		if err == nil && held == 0 {
			err = errors.New("no packet was held up")
		}
		return fmt.Sprintf("%d packets were held up", held), err
	}}, network.Hold(f.Delay.Of(), in...)
}

// flap cuts and mends in turn.
func flap(ctx context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	in, out, err := t.sides(n.arena)
	if err != nil {
		return deed{}, err
	}
	network, pairs := n.arena.Network(), netns.Both(in, out)
	ctx, cancel := context.WithCancel(ctx)
	lost := 0
	done := make(chan error, 1)
	go func() { done <- toAndFro(ctx, f.Every.Of(), network, pairs, &lost) }()
	return deed{undo: func(context.Context) (string, error) {
		cancel()
		err := <-done
		return packets(lost, err)
	}}, nil
}

// toAndFro leaves the pairs mended when ctx ends.
func toAndFro(ctx context.Context, every time.Duration, network *netns.Network, pairs []netns.Pair, lost *int) error {
	for {
		if err := network.Cut(pairs...); err != nil {
			return err
		}
		wait(ctx, every)
		n, err := network.Mend(pairs...)
		if *lost += n; err != nil {
			return err
		}
		if !wait(ctx, every) {
			return nil
		}
	}
}
