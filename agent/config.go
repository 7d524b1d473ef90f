package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/tomlfile"
)

// Config says which masters to follow, and what has to agree with them. Load reads
// one from a file; agent.toml.example explains each key.
type Config struct {
	// Sentinels are the addresses of Sentinels, as "host:port", for all groups that
	// name none of their own.
	Sentinels []string `toml:"sentinels"`
	// Masters are the names under which the Sentinels monitor groups that need no
	// more settings than that.
	Masters []string `toml:"masters"`
	// Groups are further ones. If there is no group at all, the names of servers in
	// the files of the targets are those of the groups.
	Groups []GroupConfig `toml:"group"`
	// SentinelAccess and ServerAccess say how to log in to Sentinels and servers.
	SentinelAccess Access `toml:"sentinel-access"`
	ServerAccess   Access `toml:"server-access"`
	// Poll is how often each Sentinel is asked while nothing happens. 0 means 5 s.
	Poll time.Duration `toml:"poll"`
	// MetricsFile is written with the text of Agent.Metrics every few seconds, for
	// the textfile collector of Prometheus's node exporter. Empty means none.
	MetricsFile string `toml:"metrics-file"`

	// Targets are what has to agree with the groups.
	Targets []Target

	// Logger receives what happens. Nil means silence.
	Logger *slog.Logger
	// Dial opens connections to Sentinels and servers. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// GroupConfig is a group with settings of its own.
type GroupConfig struct {
	Master    string   `toml:"master"`    // the name under which Sentinels monitor it
	Name      string   `toml:"name"`      // for targets and templates; empty: that of the master
	Sentinels []string `toml:"sentinels"` // empty: those of the Config
	// Access of this group, where it differs from that of the Config.
	SentinelAccess *Access
	ServerAccess   *Access
}

// Target is one of the types of this package that describe something which has to
// agree with the groups: [Template], [Twemproxy], [HAProxy], [Block], [Exec],
// [Webhook] or [Kubernetes]. They are documented by their keys in agent.toml.example.
type Target interface {
	common() *Common
	// check tells what is wrong with the settings, by key, and completes them. Paths
	// that are not absolute begin in dir. It may be called again.
	check(wrong problems, dir string)
	// open returns what does the work: for each place that has to agree, one.
	open(e *environment) []*job
}

// problems takes what is wrong with a setting, and what to do about it.
type problems func(key, hint, format string, args ...any)

// Common are the settings that every target has.
type Common struct {
	Type   string        `toml:"type"`
	Name   string        `toml:"name"`   // in the log and in metrics; empty: made of type and place
	Groups []string      `toml:"groups"` // those that matter here; empty: all
	Wait   time.Duration `toml:"wait"`   // how long groups must have been quiet before a change is carried out
	// Every is how often the target is compared although nothing happens. 0 means
	// 1 s for a socket of HAProxy, 30 s for Kubernetes, and 5 s for the others.
	Every time.Duration `toml:"every"`
}

func (c *Common) common() *Common { return c }

// describe names a target that has no name.
func (c *Common) describe(place string) {
	if c.Name == "" {
		c.Name = strings.TrimSpace(c.Type + " " + place)
	}
}

// kinds makes an empty target of each type.
var kinds = map[string]func() Target{
	"template":   func() Target { return &Template{} },
	"twemproxy":  func() Target { return &Twemproxy{} },
	"haproxy":    func() Target { return &HAProxy{} },
	"hosts":      func() Target { return &Block{} },
	"zone":       func() Target { return &Block{} },
	"exec":       func() Target { return &Exec{} },
	"webhook":    func() Target { return &Webhook{} },
	"kubernetes": func() Target { return &Kubernetes{} },
}

// file is what a configuration file has besides a Config.
type file struct {
	*Config
	Groups  []tomlfile.Table `toml:"group"`
	Targets []tomlfile.Table `toml:"target"`
}

// maxConfig bounds a configuration file.
const maxConfig = 4 << 20

// Load reads a configuration file. Its error names every mistake with its line.
// Paths in the file that are not absolute begin in its directory.
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxConfig {
		err = fmt.Errorf("%s: it is larger than %d MiB, which no configuration is", path, maxConfig>>20)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, filepath.Dir(full))
}

// Parse reads the text of a configuration file. Mistakes are reported by its name;
// paths in it that are not absolute begin in dir.
func Parse(name string, text []byte, dir string) (*Config, error) {
	doc := tomlfile.Parse(name, text)
	f := file{Config: &Config{}}
	doc.Top().Decode(&f)
	f.readGroups(doc, dir)
	for _, table := range f.Targets {
		f.readTarget(table, dir)
	}
	f.check(doc.Top().Problem, dir)
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return f.Config, nil
}

func (f *file) readGroups(doc *tomlfile.Doc, dir string) {
	for _, table := range f.Groups {
		var g struct {
			*GroupConfig
			SentinelAccess tomlfile.Table `toml:"sentinel-access"`
			ServerAccess   tomlfile.Table `toml:"server-access"`
		}
		g.GroupConfig = &GroupConfig{}
		table.Decode(&g)
		for _, a := range []struct {
			key   string
			table tomlfile.Table
			to    **Access
		}{{"sentinel-access", g.SentinelAccess, &g.GroupConfig.SentinelAccess}, {"server-access", g.ServerAccess, &g.GroupConfig.ServerAccess}} {
			if table.Has(a.key) {
				*a.to = &Access{}
				a.table.Decode(*a.to)
				(*a.to).check(a.table.Problem, dir)
			}
		}
		if g.Master == "" {
			table.Problem("master", `write master = "…", the name in the line "sentinel monitor <name> …"`, "a group without the name of its master")
		}
		f.Config.Groups = append(f.Config.Groups, *g.GroupConfig)
	}
}

func (f *file) readTarget(table tomlfile.Table, dir string) {
	kind := table.Text("type")
	empty, known := kinds[kind]
	if !known {
		table.Problem("type", tomlfile.Known("types", kind, slices.Sorted(maps.Keys(kinds))), "a target of type %q", kind)
		return
	}
	t := empty()
	table.Decode(t)
	t.check(table.Problem, dir)
	f.checkGroups(t, table.Problem)
	f.Config.Targets = append(f.Config.Targets, t)
}

// checkGroups objects to a target that wants a group which is not there.
func (c *Config) checkGroups(t Target, wrong problems) {
	names := c.groupNames()
	if len(names) == 0 {
		return // they come from files
	}
	for _, name := range t.common().Groups {
		if !slices.Contains(names, name) {
			wrong("groups", tomlfile.Known("groups", name, names), "there is no group %q", name)
		}
	}
}

func (c *Config) groupNames() (names []string) {
	for _, g := range c.groups() {
		names = append(names, g.Name)
	}
	return names
}

// groups returns all groups, with what they take from the Config.
func (c *Config) groups() []GroupConfig {
	list := make([]GroupConfig, 0, len(c.Masters)+len(c.Groups))
	for _, name := range c.Masters {
		list = append(list, GroupConfig{Master: name})
	}
	list = append(list, c.Groups...)
	for i := range list {
		g := &list[i]
		if g.Name == "" {
			g.Name = g.Master
		}
		if len(g.Sentinels) == 0 {
			g.Sentinels = c.Sentinels
		}
		if g.SentinelAccess == nil {
			g.SentinelAccess = &c.SentinelAccess
		}
		if g.ServerAccess == nil {
			g.ServerAccess = &c.ServerAccess
		}
	}
	return list
}

// check tells what is wrong with the settings outside of targets.
func (c *Config) check(wrong problems, dir string) {
	c.SentinelAccess.check(func(key, hint, format string, args ...any) { wrong("sentinel-access."+key, hint, format, args...) }, dir)
	c.ServerAccess.check(func(key, hint, format string, args ...any) { wrong("server-access."+key, hint, format, args...) }, dir)
	absolute(dir, &c.MetricsFile)
	if c.Poll != 0 && c.Poll < 100*time.Millisecond {
		wrong("poll", "at least 100ms, or leave it out for 5s", "poll is %v", c.Poll)
	}
	if len(c.Targets) == 0 {
		wrong("target", "add a [[target]]; agent.toml.example has one of each type", "nothing to do: there is no target")
	}
	seen := map[string]bool{}
	for _, g := range c.groups() {
		if seen[g.Name] {
			wrong("group", "give one of them another name", "two groups are called %q", g.Name)
		}
		seen[g.Name] = true
		if len(g.Sentinels) == 0 {
			wrong("sentinels", `add sentinels = ["10.0.0.1:26379", …]`, "nobody says which Sentinels watch %q", g.Name)
		}
	}
	if len(seen) == 0 && len(c.Sentinels) == 0 {
		wrong("sentinels", `add sentinels = ["10.0.0.1:26379", …]`, "nobody says which Sentinels to ask")
	}
	names := map[string]bool{}
	for _, t := range c.Targets {
		if name := t.common().Name; names[name] {
			wrong("target", "give one of them a name", "two targets are called %q", name)
		} else {
			names[name] = true
		}
	}
}

// complete checks a Config that was made in Go as Parse checks one from a file.
func (c *Config) complete() error {
	var errs []error
	wrong := func(_, hint, format string, args ...any) {
		errs = append(errs, fmt.Errorf(format+" (%s)", append(args, hint)...))
	}
	for _, t := range c.Targets {
		t.check(wrong, "")
		c.checkGroups(t, wrong)
	}
	c.check(wrong, "")
	return errors.Join(errs...)
}

// options are those of the resolver of a group. connected is called for each connection
// that it has made.
func (c *Config) options(g GroupConfig, log *slog.Logger, connected func()) (discovery.Options, error) {
	o := discovery.Options{Sentinels: g.Sentinels, Master: g.Master, Poll: c.Poll, Logger: log}
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			connected()
		}
		return conn, err
	}
	var err1, err2 error
	o.SentinelAccess, err1 = g.SentinelAccess.open()
	o.ServerAccess, err2 = g.ServerAccess.open()
	return o, errors.Join(err1, err2)
}

// absolute completes paths that are not absolute.
func absolute(dir string, paths ...*string) {
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) && dir != "" {
			*p = filepath.Join(dir, *p)
		}
	}
}
