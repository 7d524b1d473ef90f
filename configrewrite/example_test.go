package configrewrite

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

const exampleFile = "../sentinel.toml.example"

var commentedOption = regexp.MustCompile(`^#([a-z][a-z-]*) = `)

// TestExampleFile keeps sentinel.toml.example true: it loads as it is; with
// every commented option in force it means the same, so the values shown are
// the defaults; and it shows every option there is.
func TestExampleFile(t *testing.T) {
	text := readText(t, exampleFile)
	src := pureSource(FormatTOML)
	asIs := mustParse(t, text, src)

	var all strings.Builder
	shown := map[string]int{}
	table := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "[") {
			table = strings.TrimSpace(line)
		}
		if m := commentedOption.FindStringSubmatch(line); m != nil {
			line = line[1:]
			shown[table+m[1]]++
		} else if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") && line != "#\n" {
			t.Errorf("neither an explanation nor an option: %q", line)
		}
		all.WriteString(line)
	}
	for _, w := range asIs.Warnings {
		t.Errorf("warning: %s", w)
	}
	inForce := mustParse(t, all.String(), src)
	if !reflect.DeepEqual(asIs.Config, inForce.Config) {
		t.Errorf("a value shown is not the default:\n%s%s\nmeans\n%s%s", describe(inForce.State), describeSettings(inForce.Settings),
			describe(asIs.State), describeSettings(asIs.Settings))
	}

	defaults := DefaultSettings()
	defaults.Dir = src.Dir
	if !reflect.DeepEqual(asIs.Settings, defaults) || asIs.State.Options != (monitor.Options{}) {
		t.Errorf("the example changes settings:\n%s%s", describeSettings(asIs.Settings), describe(asIs.State))
	}
	expectShown(t, shown, "[server]", tomlKeys(settingOptions))
	expectShown(t, shown, "[sentinel]", tomlKeys(globalOptions))
	keys := tomlKeys(masterOptions)
	for i, key := range keys {
		if key == "quorum" { // has no default
			keys = append(keys[:i], keys[i+1:]...)
			break
		}
	}
	expectShown(t, shown, "[[master]]", keys)
	for key := range shown {
		t.Errorf("shown, but no option: %s", key)
	}
}

func expectShown(t *testing.T, shown map[string]int, table string, keys []string) {
	t.Helper()
	for _, key := range keys {
		if n := shown[table+key]; n != 1 {
			t.Errorf("%s %s is shown %d times", table, key, n)
		}
		delete(shown, table+key)
	}
}

// TestEveryFieldHasAnOption finds fields of the model that no option sets: a
// field that no file holds would be lost at a restart.
func TestEveryFieldHasAnOption(t *testing.T) {
	var s Settings
	var o monitor.Options
	var m monitor.MasterConfig
	checkFields(t, reflect.ValueOf(&s).Elem(), addresses(settingOptions, &s), "Settings")
	checkFields(t, reflect.ValueOf(&o).Elem(), addresses(globalOptions, &o), "Options")
	known := addresses(masterOptions, &m)
	known[reflect.ValueOf(&m.Name).Pointer()] = true // by the monitor line
	known[reflect.ValueOf(&m.Addr).Pointer()] = true
	checkFields(t, reflect.ValueOf(&m).Elem(), known, "MasterConfig")
}

func addresses[T any](options option.Table[T], v *T) map[uintptr]bool {
	found := map[uintptr]bool{}
	for _, o := range options {
		found[field(o.At(v))] = true
	}
	return found
}

// field returns the address of the field behind an entry of a table.
func field(at any) uintptr {
	v := reflect.ValueOf(at)
	for v.Kind() == reflect.Struct {
		v = v.Field(0) // of a Value that wraps a pointer
	}
	return v.Pointer()
}

func checkFields(t *testing.T, v reflect.Value, known map[uintptr]bool, name string) {
	t.Helper()
	for i := range v.NumField() {
		field, fieldName := v.Field(i), name+"."+v.Type().Field(i).Name
		switch {
		case field.Type() == reflect.TypeFor[TLS](), field.Type() == reflect.TypeFor[Gossip]():
			checkFields(t, field, known, fieldName)
		case !known[field.Addr().Pointer()]:
			t.Errorf("no option sets %s", fieldName)
		}
	}
}

// TestConfAndTOMLAgree sets every option to the same value in both formats.
func TestConfAndTOMLAgree(t *testing.T) {
	var conf, toml strings.Builder
	conf.WriteString("sentinel monitor m 10.0.0.1 6379 2\n")
	toml.WriteString("[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n")
	master := monitor.MasterConfig{}.WithDefaults()
	both(&conf, &toml, "sentinel ", " m", masterOptions, &master)
	toml.WriteString("[sentinel]\n")
	both(&conf, &toml, "sentinel ", "", globalOptions, &monitor.Options{})
	toml.WriteString("[server]\n")
	settings := DefaultSettings()
	both(&conf, &toml, "", "", settingOptions, &settings)

	fromConf := mustParse(t, conf.String(), pureSource(FormatConf))
	fromTOML := mustParse(t, toml.String(), pureSource(FormatTOML))
	if !reflect.DeepEqual(fromConf.Config, fromTOML.Config) {
		t.Errorf("%s\n%s\nconf:\n%s%s\ntoml:\n%s%s", conf.String(), toml.String(), describe(fromConf.State),
			describeSettings(fromConf.Settings), describe(fromTOML.State), describeSettings(fromTOML.Settings))
	}
	if got := describeSettings(fromConf.Settings); strings.Count(got, "\n") != len(settingOptions) {
		t.Errorf("not every setting differs from its default:\n%s", got)
	}
}

// both writes lines that change every option from its default.
func both[T any](conf, toml *strings.Builder, prefix, name string, options option.Table[T], v *T) {
	for i := range options {
		o := &options[i]
		if !o.Where.Has(option.InConf) {
			continue
		}
		var words, value string
		switch p := o.At(v).(type) {
		case *string:
			words = "x"
			if o.Words != nil {
				for _, w := range o.Words {
					if w != *p {
						words = w
					}
				}
			}
			value = `"` + words + `"`
		case *int:
			words, value = "4711", "4711"
		case *bool:
			now := tomlText(o, v) == "true"
			words, value = map[bool]string{true: "no", false: "yes"}[now], map[bool]string{true: "false", false: "true"}[now]
		case *[]string:
			words, value = "alice", `["alice"]`
		default:
			words, value = specialWords(o.Spec, o.Kind())
		}
		conf.WriteString(prefix + o.Name + name + " " + words + "\n")
		toml.WriteString(o.Key() + " = " + value + "\n")
	}
}

func specialWords(s option.Spec, kind option.Kind) (words, value string) {
	switch {
	case kind == option.Word:
		w := s.Words[len(s.Words)-1]
		return w, `"` + w + `"`
	case kind == option.Text:
		return "x", `"x"`
	case kind == option.ID:
		return idA, `"` + idA + `"`
	case kind == option.Lines:
		return "alice", `["alice"]`
	case s.Unit != 0:
		return "47", map[bool]string{true: `"47s"`, false: `"47ms"`}[s.Unit.Seconds() == 1]
	case kind == option.Mode:
		return "750", `"750"`
	case kind == option.Classes:
		return "normal 1kb 2 3", `["normal 1024 2 3"]`
	}
	return "CONFIG hidden", `{ CONFIG = "hidden" }`
}
