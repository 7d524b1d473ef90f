package server

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// call carries out an operation and replies with OK, and what there is to say
// besides, or its error.
func (r *request) call(op monitor.Op) {
	p := r.server.engine.Call(op)
	r.later(p.Ready, func(out *reply) { out.result(p.Wait()) })
}

// result is the reply to an operation.
func (r *reply) result(result monitor.CallResult, ok bool) {
	switch {
	case !ok:
		r.stopping()
	case result.Err != nil:
		r.error(result.Err)
	case result.Text != "":
		r.simple("OK " + oneLine(result.Text))
	default:
		r.ok()
	}
}

func cmdRemove(r *request)      { r.call(monitor.RemoveOp{Name: r.arg(2)}) }
func cmdFlushConfig(r *request) { r.call(monitor.FlushOp{}) }

func cmdReset(r *request) {
	if !r.patternFits(2) {
		return
	}
	p := r.server.engine.Call(monitor.ResetOp{Pattern: r.arg(2)})
	r.later(p.Ready, func(out *reply) {
		if result, ok := p.Wait(); ok && result.Err == nil {
			out.integer(int64(result.Count))
		} else {
			out.result(result, ok)
		}
	})
}

// patternFits refuses a pattern that is longer than any that can be of use: it is
// matched with many names.
func (r *request) patternFits(i int) bool {
	if len(r.args[i]) > monitor.MaxPattern {
		r.error(monitor.ErrPatternTooLong)
		return false
	}
	return true
}

// noControl rejects control characters in the words from index first on. They
// would end up in the configuration file, where a line break injects a directive,
// and in log lines.
func (r *request) noControl(first int, what string) bool {
	for i := first; i < len(r.args); i++ {
		if err := valid.Word(r.arg(i)); err != nil {
			r.fail("ERR", fmt.Sprintf("Invalid argument at index %d for SENTINEL %s: %v", i, what, err))
			return false
		}
	}
	return true
}

// cmdMonitor makes the checks in the order of wire.md §3.4, MONITOR. The core
// makes those that depend on existing masters.
func cmdMonitor(r *request) {
	if !r.noControl(2, "MONITOR") {
		return
	}
	name, host := r.arg(2), r.arg(3)
	quorum, isQuorum := r.number(5)
	port, isPort := r.number(4)
	switch {
	case !isQuorum || quorum > math.MaxInt32:
		r.fail("ERR", "Invalid quorum")
		return
	case !isPort:
		r.fail("ERR", "Invalid port")
		return
	case quorum < 1:
		r.fail("ERR", "Quorum must be 1 or greater.")
		return
	}
	addr, ok := r.resolve(host)
	switch {
	case valid.Announced(host) == valid.ErrUnusable:
		r.fail("ERR", "Invalid IP address or hostname specified: "+valid.ErrUnusable.Error())
	case !ok:
		r.fail("ERR", "Invalid IP address or hostname specified")
	case port < 0 || port > 65535:
		r.fail("ERR", "Invalid port number.")
	case valid.MasterName(name) != nil:
		r.fail("ERR", "Invalid master name '"+clip(r.args[2], valid.MaxMasterName)+"': it must have 1 to "+strconv.Itoa(valid.MaxMasterName)+
			" characters and no blank, comma, quote or backslash; use letters, digits and . - _")
	default:
		addr.Port = int(port)
		r.call(monitor.MonitorOp{Master: monitor.MasterConfig{Name: name, Addr: addr, Quorum: int(quorum)}})
	}
}

// resolveTimeout bounds how long an operator's command waits for a name server.
const resolveTimeout = 5 * time.Second

// resolve converts a host to an address. It runs on the connection's goroutine,
// since neither the loop nor other clients may wait for a resolver.
func (r *request) resolve(host string) (monitor.Addr, bool) {
	if valid.Announced(host) != nil {
		return monitor.Addr{}, false
	}
	if ip, ok := numhost.Parse(host); ok {
		return monitor.Addr{Host: ip, IP: ip}, true
	}
	allowed := false
	read := r.server.engine.View(func(c Reader, _ monitor.Instant) { allowed = c.Options().ResolveHostnames })
	if !read || !allowed {
		return monitor.Addr{}, false
	}
	ctx, cancel := context.WithTimeout(r.server.lifetime, resolveTimeout)
	defer cancel()
	ip := r.server.cfg.Resolve(ctx, host)
	if ip == "" {
		r.server.cfg.Log(monitor.LevelWarning, "Failed to resolve hostname '"+host+"'")
	}
	return monitor.Addr{Host: host, IP: ip}, ip != ""
}

// maxChanges bounds the changes of one SENTINEL SET: for each the core emits an
// event, and all other work of this Sentinel waits meanwhile.
const maxChanges = 1024

// cmdSet hands the options to the core as typed, up to the first that it cannot
// know: the core answers with an error about that one, and applies what stands
// before it (wire.md §3.6).
func cmdSet(r *request) {
	if !r.noControl(3, "SET") {
		return
	}
	op := monitor.SetOp{Name: r.arg(2)}
	for i := 3; i < len(r.args); {
		change := monitor.Change{Option: r.arg(i)}
		i++
		o := monitor.MasterOptions().Find(option.BySet, strings.ToLower(change.Option))
		if o != nil {
			for range min(o.Arity(), len(r.args)-i) {
				change.Values = append(change.Values, r.arg(i))
				i++
			}
			change.NotExecutable = o.Script != "" && len(change.Values) > 0 && !isExecutable(change.Values[0])
		}
		op.Changes = append(op.Changes, change)
		if o == nil {
			break
		}
	}
	if len(op.Changes) > maxChanges {
		r.fail("ERR", "too many options for SENTINEL SET: change at most "+strconv.Itoa(maxChanges)+" at once")
		return
	}
	r.call(op)
}

// isExecutable reports whether this process may execute a file. It runs on the
// goroutine of the connection, since the loop must not wait for a disk.
func isExecutable(path string) bool {
	abs, err := filepath.Abs(path) // a bare name is not looked for in PATH
	return err == nil && configrewrite.CheckExecutable(abs) == nil
}

func cmdConfig(r *request) {
	switch {
	case r.is(2, "GET"):
		r.configGet()
	case r.is(2, "SET") && len(r.args) >= 5:
		r.configSet()
	default:
		r.fail("ERR", "Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are supported.")
	}
}

// processOptions are the parameters of SENTINEL CONFIG that the core does not act
// on. They are shown behind those of the core.
var processOptions = configrewrite.SettingOptions().Select(option.ByConfigSet)

func (r *request) configGet() {
	for i := 3; i < len(r.args); i++ {
		if !r.patternFits(i) {
			return
		}
	}
	var opts monitor.Options
	if !r.read(func(c Reader, _ monitor.Instant) { opts = c.Options() }) {
		return
	}
	set := configrewrite.Settings{LogLevel: r.server.cfg.LogLevel()}
	var f fields
	core, process := monitor.GlobalOptions().Select(option.ByConfigSet), processOptions
	shown := map[string]bool{}
	for i := 3; i < len(r.args); i++ {
		show := func(name, value string) {
			if !shown[name] && glob.MatchFold(r.arg(i), name) {
				shown[name] = true
				f.text(name, value)
			}
		}
		for k := range core {
			if core[k].Own() && beginsWild(r.arg(i)) {
				continue // clients that ask for all expect what the original has
			}
			show(core[k].Name, core[k].Text(&opts))
		}
		for k := range process {
			show(process[k].Name, process[k].Text(&set))
		}
	}
	r.fields(&f)
}

// beginsWild reports whether a pattern fits names that begin with anything.
func beginsWild(pattern string) bool {
	return pattern != "" && strings.ContainsRune("*?[", rune(pattern[0]))
}

// configSet changes all parameters when each is valid, and else none.
func (r *request) configSet() {
	if !r.noControl(3, "CONFIG SET") {
		return
	}
	var op monitor.ConfigSetOp
	var set configrewrite.Settings // what stays in this process
	seen := map[string]bool{}
	for i := 3; i < len(r.args); i += 2 {
		typed := r.arg(i)
		name := strings.ToLower(typed)
		core, process := monitor.GlobalOptions().Find(option.ByConfigSet, name), processOptions.Find(option.ByConfigSet, name)
		switch {
		case core == nil && process == nil:
			r.fail("ERR", "Invalid argument '"+typed+"' to SENTINEL CONFIG SET")
			return
		case seen[name]:
			r.fail("ERR", "Duplicate argument '"+typed+"' to SENTINEL CONFIG SET")
			return
		case i+1 == len(r.args):
			r.fail("ERR", "Missing argument '"+typed+"' value")
			return
		}
		seen[name] = true
		change := monitor.Change{Option: typed, Values: []string{r.arg(i + 1)}}
		if core != nil {
			op.Changes = append(op.Changes, change)
			if err := monitor.SetGlobalOption(&monitor.Options{}, change); err != nil {
				r.error(err)
				return
			}
		} else if process.SetCommand(&set, change.Values) != option.Good {
			r.fail("ERR", "Invalid value '"+change.Values[0]+"' to SENTINEL CONFIG SET '"+typed+"'")
			return
		}
	}
	if set.LogLevel == "" {
		r.call(op)
		return
	}
	before := r.server.cfg.LogLevel()
	r.server.cfg.SetLogLevel(set.LogLevel) // first, as it belongs into the file that is saved now
	result, ok := r.server.engine.Call(op).Wait()
	// If only saving failed, the change stands and is saved as soon as that works
	// (wire.md §3.9, Save error).
	if !ok || result.Err != nil && result.Err != monitor.ErrSave {
		r.server.cfg.SetLogLevel(before)
	}
	r.result(result, ok)
}
