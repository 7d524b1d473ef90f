package server

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/monitor"
)

// call carries out an operation and answers with OK or its error.
func (r *request) call(op monitor.Op) {
	result, ok := r.server.engine.Call(op)
	switch {
	case !ok:
		r.stopping()
	case result.Err != nil:
		r.error(result.Err)
	default:
		r.ok()
	}
}

func cmdFailover(r *request)    { r.call(monitor.FailoverOp{Name: r.arg(2)}) }
func cmdRemove(r *request)      { r.call(monitor.RemoveOp{Name: r.arg(2)}) }
func cmdFlushConfig(r *request) { r.call(monitor.FlushOp{}) }

// maxResetPattern is the longest pattern of SENTINEL RESET in bytes: it is
// matched on the loop, with every master, and the loop must not be held up.
const maxResetPattern = 1024

func cmdReset(r *request) {
	pattern := r.arg(2)
	if len(pattern) > maxResetPattern {
		r.fail("ERR", "The pattern is longer than "+strconv.Itoa(maxResetPattern)+" bytes")
		return
	}
	match := func(name string) bool { return glob.Match(pattern, name) }
	result, ok := r.server.engine.Call(monitor.ResetOp{Match: match})
	switch {
	case !ok:
		r.stopping()
	case result.Err != nil:
		r.error(result.Err)
	default:
		r.integer(int64(result.Count))
	}
}

// noControl rejects control characters in the words from index first on: they
// would end up in the configuration file, where a line break injects a
// directive, and in log lines.
func (r *request) noControl(first int, what string) bool {
	for i := first; i < len(r.args); i++ {
		for _, c := range r.args[i] {
			if c <= 0x1f || c == 0x7f {
				r.fail("ERR", fmt.Sprintf("Invalid argument at index %d for SENTINEL %s: control characters are not allowed", i, what))
				return false
			}
		}
	}
	return true
}

// cmdMonitor checks in the order of wire.md §3.4; what depends on the masters
// that exist is checked by the core.
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
	case !ok:
		r.fail("ERR", "Invalid IP address or hostname specified")
	case port < 0 || port > 65535:
		r.fail("ERR", "Invalid port number.")
	case !ValidMasterName(name):
		r.fail("ERR", "Invalid master name '"+clip(r.args[2], maxMasterName)+"': it must have 1 to "+strconv.Itoa(maxMasterName)+
			" characters and no blank, comma, quote or backslash; use letters, digits and . - _")
	default:
		addr.Port = int(port)
		r.call(monitor.MonitorOp{Master: monitor.MasterConfig{Name: name, Addr: addr, Quorum: int(quorum)}})
	}
}

// maxMasterName is the longest master name in bytes. Names stand in every hello
// message and event, which are at most 1023 bytes long.
const maxMasterName = 255

// ValidMasterName rejects names that stock Sentinels accept and that then break
// the configuration file (blank, quote) or the hello message (comma).
func ValidMasterName(name string) bool {
	return name != "" && len(name) <= maxMasterName && !strings.ContainsAny(name, " ,\"'`\\") &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// resolveTimeout bounds the wait of one operator for a name server.
const resolveTimeout = 5 * time.Second

// resolve turns a host into an address. It runs on the goroutine of the
// connection, since neither the loop nor anybody else may wait for a resolver.
func (r *request) resolve(host string) (monitor.Addr, bool) {
	if ip, ok := numhost.Parse(host); ok {
		return monitor.Addr{Host: ip, IP: ip}, true
	}
	allowed := false
	read := r.server.engine.View(func(c Reader, _ monitor.Instant) { allowed = c.Options().ResolveHostnames })
	if !read || !allowed || host == "" || len(host) > 255 {
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

// setOption is one option of SENTINEL SET. parse turns its values into the
// change of the configuration, or reports which value is bad.
type setOption struct {
	values int
	secret bool // shown as ****** in the event
	script string
	parse  func(v []string) (apply func(*monitor.MasterConfig), bad int)
}

// good is the bad of a setOption whose values are all right.
const good = -1

var setOptions = map[string]setOption{
	"down-after-milliseconds":          millisOption(1, func(c *monitor.MasterConfig) *time.Duration { return &c.DownAfter }),
	"failover-timeout":                 millisOption(1, func(c *monitor.MasterConfig) *time.Duration { return &c.FailoverTimeout }),
	"master-reboot-down-after-period":  millisOption(0, func(c *monitor.MasterConfig) *time.Duration { return &c.RebootDownAfter }),
	"primary-reboot-down-after-period": millisOption(0, func(c *monitor.MasterConfig) *time.Duration { return &c.RebootDownAfter }),
	"parallel-syncs":                   countOption(func(c *monitor.MasterConfig) *int { return &c.ParallelSyncs }),
	"quorum":                           countOption(func(c *monitor.MasterConfig) *int { return &c.Quorum }),
	"auth-user":                        textOption(func(c *monitor.MasterConfig) *string { return &c.AuthUser }),
	"auth-pass":                        secretOption(textOption(func(c *monitor.MasterConfig) *string { return &c.AuthPass })),
	"notification-script":              scriptOption("Notification", func(c *monitor.MasterConfig) *string { return &c.NotificationScript }),
	"client-reconfig-script":           scriptOption("Client reconfiguration", func(c *monitor.MasterConfig) *string { return &c.ClientReconfigScript }),
	"rename-command":                   {values: 2, parse: parseRename},
}

func millisOption(min int64, field func(*monitor.MasterConfig) *time.Duration) setOption {
	return setOption{values: 1, parse: func(v []string) (func(*monitor.MasterConfig), int) {
		d, ok := parseMillis(v[0], min)
		if !ok {
			return nil, 0
		}
		return func(c *monitor.MasterConfig) { *field(c) = d }, good
	}}
}

func countOption(field func(*monitor.MasterConfig) *int) setOption {
	return setOption{values: 1, parse: func(v []string) (func(*monitor.MasterConfig), int) {
		n, ok := parseInteger(v[0])
		if !ok || n < 1 || n > math.MaxInt32 {
			return nil, 0
		}
		return func(c *monitor.MasterConfig) { *field(c) = int(n) }, good
	}}
}

func textOption(field func(*monitor.MasterConfig) *string) setOption {
	return setOption{values: 1, parse: func(v []string) (func(*monitor.MasterConfig), int) {
		text := v[0]
		return func(c *monitor.MasterConfig) { *field(c) = text }, good
	}}
}

func secretOption(o setOption) setOption {
	o.secret = true
	return o
}

func scriptOption(what string, field func(*monitor.MasterConfig) *string) setOption {
	o := textOption(field)
	o.script = what
	return o
}

func parseRename(v []string) (func(*monitor.MasterConfig), int) {
	if bad := slices.Index(v, ""); bad >= 0 {
		return nil, bad
	}
	from, to := v[0], v[1]
	return func(c *monitor.MasterConfig) { c.Rename = c.Rename.With(from, to) }, good
}

// cmdSet hands the options up to the first bad one to the core, together with
// the error about that one: what stands before it is applied (wire.md §3.6).
func cmdSet(r *request) {
	if !r.noControl(3, "SET") {
		return
	}
	var opts monitor.Options
	if !r.read(func(c Reader, _ monitor.Instant) { opts = c.Options() }) {
		return
	}
	op := monitor.SetOp{Name: r.arg(2)}
	for i := 3; i < len(r.args); {
		change, n, err := r.parseSet(i, opts)
		if err != nil {
			op.Err = err
			break
		}
		op.Changes = append(op.Changes, change)
		i += n
	}
	r.call(op)
}

// parseSet parses the option at word i and returns how many words it takes.
func (r *request) parseSet(i int, opts monitor.Options) (monitor.Change, int, error) {
	typed := r.arg(i)
	o, known := setOptions[strings.ToLower(typed)]
	if !known || i+o.values >= len(r.args) {
		return monitor.Change{}, 0, setError("Unknown option or number of arguments for SENTINEL SET '%s'", typed)
	}
	var values []string
	for k := range o.values {
		values = append(values, r.arg(i+1+k))
	}
	if o.script != "" && !opts.AllowScriptsReconfig {
		return monitor.Change{}, 0, setError("Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration directive in your Sentinel configuration")
	}
	if o.script != "" && values[0] != "" && !isExecutable(values[0]) {
		return monitor.Change{}, 0, setError("%s script seems non existing or non executable", o.script)
	}
	apply, bad := o.parse(values)
	if bad != good {
		return monitor.Change{}, 0, setError("Invalid argument '%s' for SENTINEL SET '%s'", values[bad], typed)
	}
	if o.secret {
		values = []string{"******"}
	}
	return monitor.Change{Option: typed, Values: values, Apply: apply}, 1 + o.values, nil
}

func setError(format string, args ...any) error {
	return &monitor.CallError{Code: "ERR", Text: fmt.Sprintf(format, args...)}
}

// isExecutable reports whether this process may execute a file.
func isExecutable(path string) bool {
	abs, err := filepath.Abs(path) // a bare name is not looked for in PATH
	if err == nil {
		_, err = exec.LookPath(abs)
	}
	return err == nil
}

// configParam is one global parameter of SENTINEL CONFIG.
type configParam struct {
	name string
	get  func(monitor.Options, *Server) string
	// check returns the change for a valid value and nil for a bad one.
	check func(value string) func(*monitor.Options)
}

// configParams is in the order of CONFIG GET.
var configParams = []configParam{
	yesNoParam("resolve-hostnames", func(o *monitor.Options) *bool { return &o.ResolveHostnames }),
	yesNoParam("announce-hostnames", func(o *monitor.Options) *bool { return &o.AnnounceHostnames }),
	// A blank or comma would make every hello message unreadable.
	textParam("announce-ip", func(o *monitor.Options) *string { return &o.AnnounceIP }, " ,"),
	{"announce-port", func(o monitor.Options, _ *Server) string { return strconv.Itoa(o.AnnouncePort) }, checkPort},
	textParam("sentinel-user", func(o *monitor.Options) *string { return &o.SentinelUser }, ""),
	textParam("sentinel-pass", func(o *monitor.Options) *string { return &o.SentinelPass }, ""),
	{"loglevel", func(_ monitor.Options, s *Server) string { return s.cfg.LogLevel() }, checkLogLevel},
}

func yesNoParam(name string, field func(*monitor.Options) *bool) configParam {
	return configParam{
		name: name,
		get: func(o monitor.Options, _ *Server) string {
			if *field(&o) {
				return "yes"
			}
			return "no"
		},
		check: func(v string) func(*monitor.Options) {
			yes := strings.EqualFold(v, "yes")
			if !yes && !strings.EqualFold(v, "no") {
				return nil
			}
			return func(o *monitor.Options) { *field(o) = yes }
		},
	}
}

func textParam(name string, field func(*monitor.Options) *string, forbidden string) configParam {
	return configParam{
		name: name,
		get:  func(o monitor.Options, _ *Server) string { return *field(&o) },
		check: func(v string) func(*monitor.Options) {
			if strings.ContainsAny(v, forbidden) {
				return nil
			}
			return func(o *monitor.Options) { *field(o) = v }
		},
	}
}

func checkPort(v string) func(*monitor.Options) {
	n, ok := parseInteger(v)
	if !ok || n < 0 || n > 65535 {
		return nil
	}
	return func(o *monitor.Options) { o.AnnouncePort = int(n) }
}

// logLevels are the values of loglevel, least important first.
var logLevels = []string{"debug", "verbose", "notice", "warning", "nothing"}

// checkLogLevel returns a change of nothing: the level is no option of the core.
func checkLogLevel(v string) func(*monitor.Options) {
	if !slices.Contains(logLevels, strings.ToLower(v)) {
		return nil
	}
	return func(*monitor.Options) {}
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

func (r *request) configGet() {
	var opts monitor.Options
	if !r.read(func(c Reader, _ monitor.Instant) { opts = c.Options() }) {
		return
	}
	var f fields
	shown := make([]bool, len(configParams))
	for i := 3; i < len(r.args); i++ {
		for k, p := range configParams {
			if !shown[k] && glob.MatchFold(r.arg(i), p.name) {
				shown[k] = true
				f.text(p.name, p.get(opts, r.server))
			}
		}
	}
	r.fields(&f)
}

// configSet changes all parameters or none.
func (r *request) configSet() {
	if !r.noControl(3, "CONFIG SET") {
		return
	}
	var changes []func(*monitor.Options)
	seen := make([]bool, len(configParams))
	level := ""
	for i := 3; i < len(r.args); i += 2 {
		typed := r.arg(i)
		k := slices.IndexFunc(configParams, func(p configParam) bool { return strings.EqualFold(p.name, typed) })
		switch {
		case k < 0:
			r.fail("ERR", "Invalid argument '"+typed+"' to SENTINEL CONFIG SET")
			return
		case seen[k]:
			r.fail("ERR", "Duplicate argument '"+typed+"' to SENTINEL CONFIG SET")
			return
		case i+1 == len(r.args):
			r.fail("ERR", "Missing argument '"+typed+"' value")
			return
		}
		seen[k] = true
		value := r.arg(i + 1)
		change := configParams[k].check(value)
		if change == nil {
			r.fail("ERR", "Invalid value '"+value+"' to SENTINEL CONFIG SET '"+typed+"'")
			return
		}
		changes = append(changes, change)
		if configParams[k].name == "loglevel" {
			level = strings.ToLower(value)
		}
	}
	if level != "" {
		r.server.cfg.SetLogLevel(level)
	}
	r.call(monitor.ConfigSetOp{Apply: func(o *monitor.Options) {
		for _, change := range changes {
			change(o)
		}
	}})
}
