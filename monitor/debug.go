package monitor

import (
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
)

// Tunables returns the periods and limits that are in force.
func (c *Core) Tunables() Tunables { return c.tun }

// Failures returns the failures that are being simulated.
func (c *Core) Failures() Failures { return c.failures }

// retune changes periods and limits. Deadlines are derived from the start of
// what they bound, so it suffices that everything computes its own again; a
// period that was shortened would otherwise take effect only when the long one
// is over.
func (c *Core) retune(now Instant, op DebugOp) (err *CallError) {
	for _, ch := range op.Changes {
		if err = SetTunable(&c.tun, ch); err != nil {
			break
		}
	}
	for _, m := range c.masters {
		c.retuneInstance(now, &m.instance)
		c.touch(m)
		for _, r := range m.replicas {
			c.retuneInstance(now, &r.instance)
		}
		for _, p := range m.peers {
			c.retuneInstance(now, &p.instance)
		}
	}
	return err
}

// SetTunable applies one change of SENTINEL DEBUG. After an error t is as it was.
func SetTunable(t *Tunables, ch Change) *CallError {
	o := tunableOptions.Find(option.ByDebug, strings.ToLower(ch.Option))
	if o == nil || len(ch.Values) != o.Arity() {
		return unknownOption("DEBUG", ch.Option)
	}
	if bad := o.SetCommand(t, ch.Values); bad != option.Good {
		return invalidValue("DEBUG", ch, bad)
	}
	return nil
}

func (c *Core) retuneInstance(now Instant, i *instance) {
	i.helloDue = min(i.helloDue, now.Add(c.tun.PublishPeriod)) // the one deadline that is kept
	c.ready(&i.link.timer)
	c.wake(i)
}

// minHeartbeat keeps a small tilt trigger from turning the heartbeat into a
// busy loop.
const minHeartbeat = 10 * time.Millisecond

// heartbeat is the longest time between two steps: far enough below the tilt
// trigger that an idle core is never taken for a stalled process.
func (c *Core) heartbeat() time.Duration {
	return max(min(c.tun.Heartbeat, c.tun.TiltTrigger/4), minHeartbeat)
}

func (c *Core) simulate(op SimulateOp) {
	c.failures = op.Failures
	if c.failures&CrashAfterElection != 0 {
		c.log(LevelWarning, "Failure simulation: this Sentinel will crash after being successfully elected as failover leader")
	}
	if c.failures&CrashAfterPromotion != 0 {
		c.log(LevelWarning, "Failure simulation: this Sentinel will crash after promoting the selected replica to master")
	}
}
