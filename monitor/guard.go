package monitor

import (
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/option"
)

// Guards act on what happens around a failover: on an old master that returns, on one
// that is cut off or comes back empty, on servers that are not of the group. Each can be
// watched before it is trusted: with GuardReport it says what it would do, and does
// nothing (state-machine.md §9.5, Guards).

// Guard is one of the guards.
type Guard uint8

// The guards.
const (
	ReturnFence      Guard = iota // pauses a former master that returns, until it is a replica
	IsolationFence                // pauses a master that a majority may replace
	LineageGuard                  // replaces a master that is back without its data
	ForeignNodeGuard              // keeps away from servers of other groups
	AdvertisedGuard               // sees to it that the advertised master takes writes
	RefusalDetection              // takes a master whose process is gone for down, sooner
	guardCount
)

// String returns the name of the option of g.
func (g Guard) String() string { return guardDocs[g].name }

// GuardMode is how far a guard goes. The zero value is GuardAuto.
type GuardMode uint8

// The modes. GuardAuto, for a master: as [Options] say; there: GuardOn, and for the
// isolation fence GuardOff, but GuardReport about a master as long as another of its
// Sentinels is known not to be a gosentinel.
const (
	GuardAuto   GuardMode = iota
	GuardOff              // nothing
	GuardReport           // say what would be done
	GuardOn               // act
)

var (
	guardWords = []string{"auto", "off", "report", "on"} // in the order of the constants
	guardAlso  = map[string]GuardMode{"yes": GuardOn, "no": GuardOff}
)

// String returns the word that stands for m in a file.
func (m GuardMode) String() string { return guardWords[m] }

// Guards says how far each guard goes.
type Guards struct {
	ReturnFence, IsolationFence, Lineage, ForeignNode, Advertised, Refusal GuardMode
}

func (s *Guards) of(g Guard) *GuardMode {
	return [guardCount]*GuardMode{&s.ReturnFence, &s.IsolationFence, &s.Lineage, &s.ForeignNode, &s.Advertised, &s.Refusal}[g]
}

// guardDocs have the name of each option and what it is about.
var guardDocs = [guardCount]struct{ name, doc string }{
	ReturnFence:      {"return-fence", "Whether a former master that returns is paused until it follows the new one."},
	IsolationFence:   {"isolation-fence", "Whether a master that a majority of Sentinels may be replacing is paused."},
	LineageGuard:     {"lineage-guard", "Whether a master that is back without its data is replaced by a replica that has them."},
	ForeignNodeGuard: {"foreign-node-guard", "Whether a server that belongs to another group is left alone."},
	AdvertisedGuard:  {"advertised-guard", "Whether a group whose advertised master takes no writes is put in order."},
	RefusalDetection: {"refusal-detection", "Whether a master whose host refuses connections counts as down after down-after-refused-milliseconds."},
}

// guardRows makes the options of all guards, for one master or for all.
func guardRows[T any](where option.Where, before, rest string, at func(*T) *Guards) option.Table[T] {
	var rows option.Table[T]
	for g := range guardCount {
		rows = append(rows, option.Custom(option.Spec{
			Name: before + guardDocs[g].name, Words: guardWords, Where: where, Since: "gosentinel", Doc: guardDocs[g].doc + rest,
		}, func(t *T) option.Value { return wordValue[GuardMode]{at(t).of(g), guardWords, guardAlso} }))
	}
	return rows
}

// guardMode returns how far a guard of m goes now: never GuardAuto. Stock Sentinels do not
// know what a guard does, and may undo it or take it for a fault: beside them it only
// reports, unless it was told to act.
func (c *Core) guardMode(m *master, g Guard) GuardMode {
	mode := c.wantedMode(m, g)
	if mode == GuardOn && c.opts.Observe {
		return GuardReport
	}
	return mode
}

func (c *Core) wantedMode(m *master, g Guard) GuardMode {
	mode := *m.cfg.Guards.of(g)
	if mode == GuardAuto {
		mode = *c.opts.Guards.of(g)
	}
	switch {
	case mode != GuardAuto:
		return mode
	case g == IsolationFence:
		return GuardOff
	}
	for _, p := range m.peers {
		if p.link.gossip.kind == PeerStock {
			return GuardReport
		}
	}
	return GuardOn
}

// guardNote is what a guard told last of a server, so that nothing is told twice.
type guardNote struct {
	mode           GuardMode
	action, reason string
}

type guardKey struct {
	id InstanceID
	g  Guard
}

// guards reports whether a guard is to act on i now. action completes "would", and reason
// says why. It tells of that, or of what it would have done, once until [Core.guardOver] or
// until there is another thing to tell.
func (c *Core) guards(i *instance, g Guard, action, reason string) bool {
	mode := c.guardMode(i.master, g)
	key, note := guardKey{i.id, g}, guardNote{mode, action, reason}
	if mode == GuardOff || c.guarded[key] == note {
		return mode == GuardOn
	}
	c.guarded[key] = note
	if mode == GuardOn {
		c.guardCounts.Acted++
	} else {
		c.guardCounts.Reported++
	}
	c.emit(i, event.GuardActs{Instance: c.ref(i), Guard: g.String(), Acts: mode == GuardOn, Action: action, Reason: reason})
	return mode == GuardOn
}

// guardOver notes that the cause is gone for which a guard acted, or would have acted, on
// i: the next one is told of again.
func (c *Core) guardOver(i *instance, g Guard) { delete(c.guarded, guardKey{i.id, g}) }

// forgetGuards drops what was told of a server that is watched no more.
func (c *Core) forgetGuards(i *instance) {
	for g := range guardCount {
		c.guardOver(i, g)
	}
}

// GuardView shows one guard of a master.
type GuardView struct {
	Guard Guard
	Mode  GuardMode // as it is now: never GuardAuto
}

func (c *Core) guardViews(m *master) []GuardView {
	views := make([]GuardView, guardCount)
	for g := range guardCount {
		views[g] = GuardView{g, c.guardMode(m, g)}
	}
	return views
}

// GuardCounts tells how often the guards of all masters acted, and how often those that
// only report would have acted, since the start of this Sentinel.
type GuardCounts struct{ Acted, Reported uint64 }

// GuardCounts returns how often the guards acted.
func (c *Core) GuardCounts() GuardCounts { return c.guardCounts }
