package tomlfile

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/gosentinel/sentinel/internal/words"
)

// Doc is a file that has been parsed, and what is wrong with it so far. It is for
// one goroutine.
type Doc struct {
	name     string
	top      map[string]any
	lines    *lines
	problems []Problem
	places   map[string][]string // where each key belongs; see Decode
}

// Parse reads the text of a file. Its errors come with those of Decode, from Err.
func Parse(name string, text []byte) *Doc {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	d := &Doc{name: name, top: map[string]any{}, lines: findLines(string(text))}
	err := toml.Unmarshal(text, &d.top)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		d.problems = append(d.problems, Problem{name, syntax.Position.Line, syntax.Message, `TOML wants: key = "text" | 5 | true | ["a", "b"]`})
	case err != nil:
		d.problems = append(d.problems, Problem{name, 0, err.Error(), ""})
	}
	return d
}

// Err returns everything that is wrong, in the order of the lines, as an [*Error];
// nil if nothing is.
func (d *Doc) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{d.problems}
}

// Top returns the table of the whole file.
func (d *Doc) Top() Table { return Table{d, "", d.top} }

// Table is a table of a file. The zero value is empty.
type Table struct {
	doc    *Doc
	path   string
	values map[string]any
}

// Has reports whether the table has a key.
func (t Table) Has(key string) bool { return t.values[key] != nil }

// Text returns the text that a key has; "" if it has none.
func (t Table) Text(key string) string {
	s, _ := t.values[key].(string)
	return s
}

// Problem adds a mistake at the line of a key, or of the table if that is not there.
func (t Table) Problem(key, hint, format string, args ...any) {
	t.doc.problem(join(t.path, key), hint, format, args...)
}

func (d *Doc) problem(path, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{d.name, d.lines.at(path), fmt.Sprintf(format, args...), hint})
}

// Decode stores the values of the table in the fields of a struct, given by a
// pointer, that have their name as tag: `toml:"name"`. Keys without a field are
// mistakes, and so are values of the wrong kind. A field may be a string, bool, int,
// float64, a [time.Duration] (written "1m30s"), a [Bytes], a list or a map of those,
// a struct, a list of structs for [[tables]], a Table to be decoded later, or
// anything with UnmarshalText or UnmarshalTOML. Fields of embedded structs count as
// those of the struct, which wins where both have one. What is not in the file keeps its value.
func (t Table) Decode(into any) {
	if t.doc.places == nil {
		t.doc.places = map[string][]string{}
		t.doc.note(reflect.TypeOf(into).Elem(), t.path)
	}
	fields := map[string]reflect.Value{}
	collect(reflect.ValueOf(into).Elem(), fields)
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		f, known := fields[key]
		if !known {
			where := ""
			if t.path != "" {
				where = " in " + header(t.path)
			}
			t.Problem(key, t.hint(key, slices.Sorted(maps.Keys(fields))), "unknown key %q%s", key, where)
			continue
		}
		t.doc.set(join(t.path, key), f, t.values[key])
	}
}

// hint says what to do about a key that the table cannot have.
func (t Table) hint(key string, known []string) string {
	if places := t.doc.places[key]; len(places) > 0 && words.Nearest(key, known) == "" {
		return "it belongs below " + strings.Join(places, " or ")
	}
	return Known("known", key, known)
}

// note takes down where the keys of a struct belong, and of those that it has.
func (d *Doc) note(s reflect.Type, path string) {
	for i := range s.NumField() {
		f := s.Field(i)
		name, of, at := f.Tag.Get("toml"), f.Type, path
		switch {
		case name == "" && !f.Anonymous:
			continue
		case name != "":
			if path != "" && !slices.Contains(d.places[name], header(path)) {
				d.places[name] = append(d.places[name], header(path))
			}
			at = join(path, name)
		}
		switch of.Kind() {
		case reflect.Slice:
			of, at = of.Elem(), at+"[]"
		case reflect.Pointer:
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && of != reflect.TypeFor[Table]() {
			d.note(of, at)
		}
	}
}

// header is how a table is written in the file.
func header(path string) string {
	name, array := "", strings.HasSuffix(path, "]")
	for part := range strings.SplitSeq(path, ".") {
		bare, _, _ := strings.Cut(part, "[")
		name = join(name, bare)
	}
	if array {
		return "[[" + name + "]]"
	}
	return "[" + name + "]"
}

func collect(s reflect.Value, fields map[string]reflect.Value) {
	s = reflect.Indirect(s) // a struct may be embedded by a pointer
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if name := f.Tag.Get("toml"); name != "" {
			fields[name] = s.Field(i)
		} else if f.Anonymous {
			collect(s.Field(i), fields)
		}
	}
}

// set stores a value in a field.
func (d *Doc) set(path string, f reflect.Value, value any) {
	key := path[strings.LastIndex(path, ".")+1:]
	switch to := f.Addr().Interface().(type) {
	case *Table:
		if table, ok := value.(map[string]any); ok {
			*to = Table{d, path, table}
		} else {
			d.problem(path, "write ["+key+"] on a line of its own, and its keys below", "%s must be a table", key)
		}
		return
	case *time.Duration:
		text, _ := value.(string)
		duration, err := time.ParseDuration(text)
		if err != nil || duration < 0 {
			d.problem(path, `write it like "500ms", "15s" or "1m30s"`, "%s is no duration", key)
			return
		}
		*to = duration
		return
	case toml.Unmarshaler:
		if err := to.UnmarshalTOML(value); err != nil {
			d.problem(path, "", "%s: %v", key, err)
		}
		return
	case encoding.TextUnmarshaler:
		text, ok := value.(string)
		if !ok {
			d.problem(path, `write "…"`, "%s must be a text", key)
		} else if err := to.UnmarshalText([]byte(text)); err != nil {
			d.problem(path, "", "%s: %v", key, err)
		}
		return
	}
	d.setKind(path, key, f, value)
}

// setKind stores a value in a field without methods of its own.
func (d *Doc) setKind(path, key string, f reflect.Value, value any) {
	switch f.Kind() {
	case reflect.Struct:
		if table, ok := value.(map[string]any); ok {
			Table{d, path, table}.Decode(f.Addr().Interface())
		} else {
			d.problem(path, "write ["+key+"] on a line of its own, and its keys below", "%s must be a table", key)
		}
	case reflect.Slice:
		list, ok := elements(value)
		if !ok {
			d.problem(path, wantsList(key, f.Type().Elem()), "%s must be a list", key)
			return
		}
		f.Set(reflect.MakeSlice(f.Type(), len(list), len(list)))
		for i, one := range list {
			d.set(element(path, i), f.Index(i), one)
		}
	case reflect.Map:
		table, ok := value.(map[string]any)
		if !ok {
			d.problem(path, `write { name = "…" }`, "%s must be a table", key)
			return
		}
		f.Set(reflect.MakeMap(f.Type()))
		for name, one := range table {
			v := reflect.New(f.Type().Elem()).Elem()
			d.set(join(path, name), v, one)
			f.SetMapIndex(reflect.ValueOf(name), v)
		}
	default:
		d.setPlain(path, key, f, value)
	}
}

func (d *Doc) setPlain(path, key string, f reflect.Value, value any) {
	switch f.Kind() {
	case reflect.String:
		if text, ok := value.(string); ok {
			f.SetString(text)
			return
		}
		d.problem(path, `write "…"`, "%s must be a text", key)
	case reflect.Bool:
		if is, ok := value.(bool); ok {
			f.SetBool(is)
			return
		}
		d.problem(path, "write true or false, without quotes", "%s must be true or false", key)
	case reflect.Int, reflect.Int64:
		if n, ok := value.(int64); ok && !f.OverflowInt(n) {
			f.SetInt(n)
			return
		}
		d.problem(path, "write digits, without quotes", "%s must be a whole number", key)
	case reflect.Float64:
		switch n := value.(type) {
		case int64:
			f.SetFloat(float64(n))
			return
		case float64:
			if !math.IsNaN(n) && !math.IsInf(n, 0) {
				f.SetFloat(n)
				return
			}
		}
		d.problem(path, "write a number, without quotes", "%s must be a number", key)
	default:
		panic("tomlfile: no field can be a " + f.Type().String())
	}
}

// elements returns a list, be it of values or of tables.
func elements(value any) (list []any, ok bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case []map[string]any:
		for _, t := range v {
			list = append(list, t)
		}
		return list, true
	}
	return nil, false
}

func wantsList(key string, of reflect.Type) string {
	if of.Kind() == reflect.Struct {
		return "write [[" + key + "]] on a line of its own, and its keys below"
	}
	return `write ["a", "b"]`
}
