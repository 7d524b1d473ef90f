package scripts

import (
	"time"

	"github.com/gosentinel/sentinel/internal/option"
)

// Periods are the times of a [Runner] that can be changed at run time. A time of
// 0 or less is its default.
type Periods struct {
	// MaxRuntime is how long a script may run before it is killed.
	MaxRuntime time.Duration
	// RetryDelay is the wait after the first failure of a script; it doubles with
	// each further one.
	RetryDelay time.Duration
}

// PeriodOptions returns the periods that SENTINEL DEBUG changes, in its order. The
// result must not be changed.
func PeriodOptions() option.Table[Periods] { return periodOptions }

var periodOptions = option.Table[Periods]{
	option.Of(option.Spec{
		Name: "script-max-runtime", Where: option.ByDebug, Unit: time.Millisecond, Lo: 1, Since: "7.0",
		Doc: "How long a script may run before it is killed.",
	}, func(p *Periods) *time.Duration { return &p.MaxRuntime }, 60*time.Second),
	option.Of(option.Spec{
		Name: "script-retry-delay", Where: option.ByDebug, Unit: time.Millisecond, Lo: 1, Since: "7.0",
		Doc: "Wait after the first failure of a script; it doubles with each further one.",
	}, func(p *Periods) *time.Duration { return &p.RetryDelay }, 30*time.Second),
}
