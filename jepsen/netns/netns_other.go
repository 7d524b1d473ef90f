//go:build !linux

package netns

import (
	"context"
	"time"
)

type namespace struct{}

// Network is the bridge between hosts.
type Network struct{}

// Enter says that there are no network namespaces here.
func Enter(context.Context) (inside bool, status int, err error) { return false, 0, ErrNotAllowed }

// New says that there are no network namespaces here.
func New() (*Network, error) { return nil, ErrNotAllowed }

// Add says that there are no network namespaces here.
func (n *Network) Add(string) (*Host, error) { return nil, ErrNotAllowed }

// Close does nothing.
func (n *Network) Close() error { return nil }

// Within says that there are no network namespaces here.
func (h *Host) Within(func() error) error { return ErrNotAllowed }

// Cut says that there are no network namespaces here.
func (n *Network) Cut(...Pair) error { return ErrNotAllowed }

// Probe says that there are no network namespaces here.
func (n *Network) Probe(...Pair) error { return ErrNotAllowed }

// Mend says that there are no network namespaces here.
func (n *Network) Mend(...Pair) (lost int, err error) { return 0, ErrNotAllowed }

// Thin says that there are no network namespaces here.
func (n *Network) Thin(int, ...Pair) error { return ErrNotAllowed }

// Thicken says that there are no network namespaces here.
func (n *Network) Thicken(int, ...Pair) (lost int, err error) { return 0, ErrNotAllowed }

// Hold says that there are no network namespaces here.
func (n *Network) Hold(time.Duration, ...*Host) error { return ErrNotAllowed }

// Release says that there are no network namespaces here.
func (n *Network) Release(...*Host) (held int, err error) { return 0, ErrNotAllowed }
