package configrewrite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

// Convert reads the configuration at path and returns the same configuration,
// state included, in the other of the two formats: as TOML what is a
// sentinel.conf, and as sentinel.conf what has a name that ends in ".toml".
//
// What only one format can say is named in warnings and left out: comments, and
// lines that mean nothing to a Sentinel. Included files become part of the
// result; as for a Sentinel, their relative paths count from the working
// directory until a dir stands before them. Host names stay names. With the option
// state-file, the state stays in its file, which serves both, and what the
// configuration itself has of it is carried over.
//
// The result has been read back and means the same. A configuration with
// mistakes is refused with an [*Error].
func Convert(path string) (text []byte, warnings []string, err error) {
	text, err = atomicfile.ReadFile(path)
	if err != nil {
		return nil, nil, loadError(path, fmt.Errorf("Fatal error, can't open config file '%s': %w", path, atomicfile.Cause(err)), "")
	}
	start, err := os.Getwd()
	if err != nil {
		return nil, nil, loadError(path, err, "")
	}
	src := Source{
		Name: path, Format: FormatOf(path), Dir: start, keepNames: true,
		Include: func(pattern string) ([]Included, error) { return readIncluded(disk{}, pattern) },
	}
	return convert(text, src)
}

// errConvert is the reason why a result of convert is not given out.
var errConvert = errors.New("this configuration cannot be said in the other format")

// convert is Convert without the disk.
func convert(text []byte, src Source) (out []byte, warnings []string, err error) {
	doc, err := Parse(text, src)
	if err != nil {
		return nil, nil, err
	}
	elsewhere := doc.Settings.StateFile != ""
	out, what, err := doc.converted(elsewhere)
	if elsewhere && what == stateDiffers {
		// The file holds state as well, which counts until the other file is written:
		// that of a redis-sentinel whose place is taken.
		out, what, err = doc.converted(false)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errConvert, err)
	}
	if what != "" {
		return nil, nil, fmt.Errorf("%w: %s would not be the same", errConvert, what)
	}
	return out, append(doc.Warnings, lostLines(text, src.Format)...), nil
}

// converted returns the document in the other format, with its state unless that is
// elsewhere, and what is not the same when it is read back.
func (d *Document) converted(elsewhere bool) (out []byte, what string, err error) {
	back := d.source
	if back.Format == FormatConf {
		back.Format = FormatTOML
		out = d.toTOML(elsewhere)
	} else {
		back.Format = FormatConf
		out = d.toConf(elsewhere)
	}
	got, err := Parse(out, back)
	if err != nil {
		return nil, "", err
	}
	return out, difference(d, got), nil
}

// stateDiffers is a word of difference.
const stateDiffers = "the state"

// difference names what two documents do not have in common, or returns "".
func difference(a, b *Document) string {
	for i := range settingOptions {
		o := &settingOptions[i]
		if tomlText(o, &a.Settings) != tomlText(o, &b.Settings) {
			return o.Key()
		}
	}
	if a.asked.dir != b.asked.dir {
		return "dir"
	}
	if !reflect.DeepEqual(fileState(a.State), fileState(b.State)) {
		return stateDiffers
	}
	return ""
}

// lostLines returns warnings about what cannot be carried over.
func lostLines(text []byte, format Format) (warnings []string) {
	comments := 0
	head, _ := cutState(text)
	for line := range bytes.Lines(head) {
		t := bytes.TrimSpace(line)
		if _, _, carried := ownLine(string(t)); len(t) > 0 && t[0] == '#' && string(t) != generatedMarker && !carried {
			comments++
		}
	}
	if comments > 0 && format == FormatConf {
		warnings = append(warnings, fmt.Sprintf("lines with comments left out: %d", comments))
	}
	return warnings
}

// askedSettings are the settings with dir as it was asked for, or none. A
// relative one stays relative: it counts from wherever the Sentinel is started.
func (d *Document) askedSettings() Settings {
	s := d.Settings
	s.Dir = d.asked.dir
	return s
}

// toTOML returns the document as a sentinel.toml: what an operator would have
// written, and the state below, unless that is elsewhere.
func (d *Document) toTOML(elsewhere bool) []byte {
	var b strings.Builder
	b.WriteString("# Converted from " + printable(filepath.Base(d.source.Name)) + ". See sentinel.toml.example for all options.\n")
	settings, unset := d.askedSettings(), DefaultSettings()
	tomlTable(&b, "[server]", settingOptions, &settings, &unset, d.wrote(serverKey))
	asked := d.askedInTOML()
	tomlTable(&b, "[sentinel]", globalOptions, &asked.options, &monitor.Options{}, d.wrote(sentinelKey))
	defaults := monitor.MasterConfig{}.WithDefaults()
	for i := range asked.masters {
		m := &asked.masters[i]
		fmt.Fprintf(&b, "\n[[master]]\nname = %s\n%s", tomlString(m.Name), tomlAddr(m.Addr.Host, m.Addr.Port))
		tomlKeysOf(&b, masterOptions, &m.MasterConfig, &defaults, d.wrote(func(o string) string { return masterKey(o, m.Name) }))
	}
	if !elsewhere {
		writer := *d
		writer.asked = asked
		b.WriteByte('\n')
		b.Write(writer.renderState(normalState(d.State)))
	}
	return []byte(b.String())
}

// askedInTOML returns what the operator's part of a sentinel.toml is to say. The
// identity goes to the state, as it is not for an operator to copy around, and
// so do masters whose names are no text: they count as added at run time.
func (d *Document) askedInTOML() asked {
	a := asked{settings: d.Settings, options: d.asked.options, index: map[string]int{}}
	for _, text := range d.Settings.Users {
		a.users = append(a.users, userLine{name: userName(text), text: text, normal: text})
	}
	a.options.MyID = ""
	for _, m := range d.asked.masters {
		if isText(m.Name) && isText(m.Addr.Host) {
			a.index[m.Name] = len(a.masters)
			a.masters = append(a.masters, m)
		}
	}
	return a
}

// isText reports whether a word stands in TOML as it is.
func isText(word string) bool { return utf8.ValidString(word) && !strings.HasPrefix(word, hexPrefix) }

// wrote returns a function that tells whether the operator wrote an option, if
// only its default. The identity, dir and users are none: they are rendered from
// elsewhere.
func (d *Document) wrote(key func(o string) string) func(o string) bool {
	return func(o string) bool {
		_, found := d.asked.written[key(o)]
		return found && o != "myid" && o != "dir" && o != "user"
	}
}

func keysOf(m map[string]place) map[string]bool {
	keys := make(map[string]bool, len(m))
	for k := range m {
		keys[k] = true
	}
	return keys
}

// tomlTable writes the options that differ from their default, or were written,
// below a header, if there are any.
func tomlTable[T any](b *strings.Builder, header string, options option.Table[T], value, unset *T, wrote func(string) bool) {
	var keys strings.Builder
	tomlKeysOf(&keys, options, value, unset, wrote)
	if keys.Len() > 0 {
		b.WriteString("\n" + header + "\n" + keys.String())
	}
}

func tomlKeysOf[T any](b *strings.Builder, options option.Table[T], value, unset *T, wrote func(string) bool) {
	for i := range options {
		o := &options[i]
		if text := tomlText(o, value); text != tomlText(o, unset) || wrote(o.Name) {
			fmt.Fprintf(b, "%s = %s\n", o.Key(), text)
		}
	}
}

// toConf returns the document as a sentinel.conf. The lines of the state come
// from the same writer as at every save; there are none if it is elsewhere.
func (d *Document) toConf(elsewhere bool) []byte {
	var b strings.Builder
	b.WriteString("# Converted from " + printable(filepath.Base(d.source.Name)) + ".\n")
	settings, unset := d.askedSettings(), DefaultSettings()
	for i := range settingOptions {
		o := &settingOptions[i]
		if tomlText(o, &settings) == tomlText(o, &unset) && !d.wrote(serverKey)(o.Name) {
			continue
		}
		for _, words := range o.Lines(&settings) {
			b.WriteString(overrideText(o.Quoted, append([]string{o.Name}, words...)) + "\n")
		}
	}
	for i := range d.State.Masters {
		// Saves keep this line and never add it, because stock Sentinels refuse it.
		if m := d.State.Masters[i]; m.NeverLead {
			b.WriteString(joinArgs("sentinel", "can-failover", m.Name, "no") + "\n")
		}
	}
	if elsewhere {
		return []byte(b.String() + operatorLines(d))
	}
	out := *d
	out.force = keysOf(d.asked.written)
	out.Settings.Dir = "" // a dir that was not asked for is that of the moment
	return out.renderConf([]byte(b.String()), d.State)
}

// operatorLines returns the "sentinel" lines of a configuration whose state is
// kept elsewhere: what the operator asked for, without what was learned.
func operatorLines(d *Document) string {
	st := d.asked.state()
	for i := range st.Masters {
		st.Masters[i].Addr.Host = d.asked.masters[i].Addr.Host
	}
	out := *d
	out.force = keysOf(d.asked.written)
	out.Settings = DefaultSettings()
	out.Settings.Dir = ""
	var b strings.Builder
	for line := range strings.Lines(string(out.renderConf(nil, st))) {
		for _, learned := range []string{"sentinel config-epoch ", "sentinel leader-epoch ", "sentinel current-epoch "} {
			if strings.HasPrefix(line, learned) {
				line = ""
			}
		}
		if strings.HasPrefix(line, "sentinel ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
