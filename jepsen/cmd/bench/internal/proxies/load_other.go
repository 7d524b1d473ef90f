//go:build !linux

package proxies

import (
	"context"
	"errors"
	"time"
)

// run is for Linux.
func (m mix) run(context.Context, string, time.Duration) (outcome, error) {
	return outcome{}, errors.New("the generator of the mix needs epoll, which only Linux has")
}
