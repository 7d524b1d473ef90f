//go:build !linux

package nemesis

import (
	"context"
	"errors"

	"github.com/gosentinel/sentinel/jepsen/schedule"
)

var errNoDisks = errors.New("Sentinels have no disks of their own here")

func diskFull(context.Context, *Nemesis, schedule.Fault, targets) (deed, error) {
	return deed{}, errNoDisks
}

func diskSlow(context.Context, *Nemesis, schedule.Fault, targets) (deed, error) {
	return deed{}, errNoDisks
}

func diskFail(context.Context, *Nemesis, schedule.Fault, targets) (deed, error) {
	return deed{}, errNoDisks
}
