package trial

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Setup is what most measurements have in common.
type Setup struct {
	Runs      int // of each side
	Replicas  int
	Sentinels int
	DownAfter time.Duration
	Timeout   time.Duration // of a run
}

// Program is a Sentinel under measurement.
type Program struct {
	Name    string
	Command []string
}

// Programs names the programs that are started by these commands. Equal names get
// numbers.
func Programs(commands []string) (programs []Program, err error) {
	count := map[string]int{}
	for _, c := range commands {
		words := strings.Fields(c)
		if len(words) == 0 {
			return nil, errors.New("-sentinel: empty command")
		}
		programs = append(programs, Program{Name: filepath.Base(words[0]), Command: words})
		count[filepath.Base(words[0])]++
	}
	for i := range programs {
		if p := &programs[i]; count[p.Name] > 1 {
			p.Name = strconv.Itoa(i+1) + ":" + p.Name
		}
	}
	return programs, nil
}

// Quorum returns the majority of the Sentinels.
func (s Setup) Quorum() int { return s.Sentinels/2 + 1 }

// InCluster measures once, in a cluster of its own whose Sentinels are started by
// command, and for not longer than the timeout.
func InCluster[R any](ctx context.Context, s Setup, command []string, measure func(context.Context, *cluster.Cluster) (R, error)) (r R, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	err = cluster.Run(cluster.Config{Sentinel: command}, func(c *cluster.Cluster) error {
		r, err = measure(ctx, c)
		return err
	})
	return r, err
}

// Side is one of the things that are compared.
type Side[R any] struct {
	Name    string
	Measure func(context.Context) (R, error)
	Results []R
}

// Alternate measures each side so many times, in turn, and keeps the results. row
// is told about each. It ends with the first error; when ctx ends, that is the cause
// alone, without the state of a cluster that was not at fault.
func Alternate[R any](ctx context.Context, runs int, sides []Side[R], row func(run int, name string, r R)) error {
	for i := range runs {
		for k := range sides {
			s := &sides[k]
			r, err := s.Measure(ctx)
			if err != nil {
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				return fmt.Errorf("run %d of %s: %w", i+1, s.Name, err)
			}
			s.Results = append(s.Results, r)
			row(i+1, s.Name, r)
		}
	}
	return nil
}

// Measured reports whether every side has a result, so that there is something to
// sum up, even if Alternate was interrupted.
func Measured[R any](sides []Side[R]) bool {
	for _, s := range sides {
		if len(s.Results) == 0 {
			return false
		}
	}
	return true
}

// Quantile interpolates between the neighbours in a sorted, non-empty slice.
func Quantile[T ~float64 | ~int64](v []T, q float64) T {
	at := q * float64(len(v)-1)
	i := int(at)
	if i+1 == len(v) {
		return v[i]
	}
	return v[i] + T((at-float64(i))*float64(v[i+1]-v[i]))
}
