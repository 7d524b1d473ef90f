package configrewrite

import "github.com/gosentinel/sentinel/internal/option"

// Live are those settings that a running Sentinel changes, and that a save
// therefore writes along with the state.
//
// State, which the core hands out, has no place for them: the core acts on none.
// They belong to the process, which registers with [File.Track] where to ask for
// them, and whatever makes the core save then saves them too. As with stock
// Sentinels a change of the users alone saves nothing; SENTINEL FLUSHCONFIG does.
type Live struct {
	// LogLevel was set at run time; "" means that it was not.
	LogLevel string

	// Users are all users, each with the words that follow "user" in a
	// sentinel.conf, the name first. Nil means unknown: what the file
	// says of users stays. With an aclfile they are not written,
	// since that file is theirs.
	Users [][]string
}

// Track makes every later Save write what current then returns. It is called on
// the goroutine of Save. Track itself must be called before the first Save.
func (f *File) Track(current func() Live) { f.current = current }

// With returns d such that Render writes now as well, and Verify expects it.
func (d *Document) With(now Live) *Document {
	c := *d
	c.live = now
	return &c
}

// knowing returns d such that Render keeps lines about masters that are not known.
func (d *Document) knowing(masters map[string]bool) *Document {
	c := *d
	c.known = masters
	return &c
}

// liveOptions are the options that Live has, apart from the users.
var liveOptions = settingOptions.Select(option.ByConfigSet)

// liveSettings are the settings with what was changed at run time.
func (d *Document) liveSettings() Settings {
	s := d.Settings
	if d.live.LogLevel != "" {
		s.LogLevel = d.live.LogLevel
	}
	return s
}
