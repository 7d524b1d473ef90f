package option

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sample has a field of every basic type and one of its own.
type sample struct {
	Text   string
	Word   string
	Number int
	Period time.Duration
	On     bool
	Off    bool
	List   []string
	Set    bag
}

// bag is a Value: a list of pairs.
type bag []string

func (b *bag) Kind() Kind { return Pairs }
func (b *bag) SetLine(words []string) error {
	if len(words) != 2 {
		return ErrArity
	}
	*b = append(*b, strings.Join(words, "="))
	return nil
}
func (b *bag) SetCommand(words []string) (bad int) {
	if words[1] == "" {
		return 1
	}
	*b = bag{strings.Join(words, "=")}
	return Good
}
func (b *bag) Why(word string) error {
	if word == "" {
		return errors.New("it needs a value")
	}
	return nil
}
func (b *bag) Lines() (lines [][]string) {
	for _, s := range *b {
		lines = append(lines, strings.Split(s, "="))
	}
	return lines
}
func (b *bag) Clear() { *b = nil }

var table = Table[sample]{
	Of(Spec{Name: "text", Where: InFiles | BySet}, func(s *sample) *string { return &s.Text }, "x"),
	Of(Spec{Name: "word", TOML: "w", Where: InFiles, Words: []string{"one", "two"}}, func(s *sample) *string { return &s.Word }, "one"),
	Of(Spec{Name: "number", Aliases: []string{"count"}, Where: InConf | BySet, Lo: 1, Hi: 9, Lenient: true}, func(s *sample) *int { return &s.Number }, 3),
	Of(Spec{Name: "period", Where: BySet, Unit: time.Millisecond, Lo: 1}, func(s *sample) *time.Duration { return &s.Period }, time.Second),
	Of(Spec{Name: "on", Where: InTOML | BySet}, func(s *sample) *bool { return &s.On }, true),
	Of(Spec{Name: "not-off", Where: InFiles | BySet, Negated: true}, func(s *sample) *bool { return &s.Off }, false),
	Of(Spec{Name: "list", Where: InFiles, Empty: true}, func(s *sample) *[]string { return &s.List }, []string{"a", "b"}),
	Custom(Spec{Name: "set", Where: InFiles | BySet}, func(s *sample) Value { return &s.Set }, "k", "v"),
}

func TestDefaults(t *testing.T) {
	want := sample{Text: "x", Word: "one", Number: 3, Period: time.Second, On: true, List: []string{"a", "b"}, Set: bag{"k=v"}}
	got := table.Defaults()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	got.List[0] = "changed"
	if again := table.Defaults(); again.List[0] != "a" {
		t.Error("two values share the list of a default")
	}
	if d := table.Describe(); d[5].Default[0][0] != "yes" || d[6].Kind != List || d[1].Key() != "w" || d[0].Key() != "text" {
		t.Errorf("described as %+v", d)
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		where Where
		name  string
		found bool
	}{
		{InConf, "number", true}, {BySet, "count", true}, {InTOML, "number", false}, {InConf, "NUMBER", false}, {InConf, "", false},
		{InConf, "w", false}, {ByDebug, "text", false}, {InTOML | ByDebug, "text", true},
	} {
		if got := table.Find(c.where, c.name); (got != nil) != c.found {
			t.Errorf("%q in %b: %v", c.name, c.where, got)
		}
	}
	for key, name := range map[string]string{"w": "word", "text": "text", "word": "", "number": ""} {
		got := ""
		if o := table.FindKey(key); o != nil {
			got = o.Name
		}
		if got != name {
			t.Errorf("key %q is %q, want %q", key, got, name)
		}
	}
	if n := len(table.Select(InTOML)); n != 6 {
		t.Errorf("%d options in TOML", n)
	}
}

// TestLines sets every option by a line and reads the words back.
func TestLines(t *testing.T) {
	for _, c := range []struct{ name, words, want, err string }{
		{"text", "a", "a", ""}, {"text", "", "x", "wrong number"}, {"text", "a b", "x", "wrong number"},
		{"word", "TWO", "two", ""}, {"word", "three", "one", "must be one of the following: one, two"},
		{"number", "9", "9", ""}, {"number", "10", "3", "between 1 and 9 inclusive; the default is used"}, {"number", "x", "3", "couldn't be parsed"},
		{"number", "99999999999999999999", "3", "between 1 and 9"},
		{"period", "47", "47", ""}, {"period", "0", "1000", "between 1 and 9223372036854"}, {"period", "9223372036855", "1000", "between"},
		{"on", "No", "no", ""}, {"on", "maybe", "yes", "must be 'yes' or 'no'"}, {"not-off", "no", "no", ""},
		{"list", "c d e", "c d e", ""}, {"list", "", "", ""}, {"set", "a b", "k v a b", ""}, {"set", "a", "k v", "wrong number"},
	} {
		v := table.Defaults()
		o := table.Find(^Where(0), c.name)
		err := o.SetLine(&v, strings.Fields(c.words))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s %q: %v", c.name, c.words, err)
		}
		if got := o.Text(&v); got != c.want {
			t.Errorf("%s %q: the value is %q, want %q", c.name, c.words, got, c.want)
		}
	}
	var tolerated Tolerated
	v := table.Defaults()
	if err := table.Find(InConf, "number").SetLine(&v, []string{"0"}); !errors.As(err, &tolerated) {
		t.Errorf("a lenient option refuses with %v", err)
	}
}

// TestCommands: commands take the canonical spelling of numbers only, bounds that
// no sum of instants exceeds, and no value that is refused.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name, values string
		bad          int
	}{
		{"text", "a", Good}, {"text", "a b", Good}, {"number", "1", Good}, {"number", "0", 0}, {"number", "10", 0}, {"number", "+1", 0}, {"number", "01", 0},
		{"period", "1", Good}, {"period", "0", 0}, {"period", "315360000000", Good}, {"period", "315360000001", 0}, {"period", "1 ", 0},
		{"on", "YES", Good}, {"on", "true", 0}, {"not-off", "no", Good}, {"set", "a,b", Good}, {"set", "a,", 1},
	} {
		before, v := table.Defaults(), table.Defaults()
		o := table.Find(BySet, c.name)
		values := []string{c.values}
		if o.Arity() == 2 {
			values = strings.Split(c.values, ",")
		}
		if bad := o.SetCommand(&v, values); bad != c.bad {
			t.Errorf("%s %q: value %d is bad, want %d", c.name, values, bad, c.bad)
		}
		if c.bad != Good && !reflect.DeepEqual(v, before) {
			t.Errorf("%s %q changed the value to %+v", c.name, values, v)
		}
	}
}

// TestWhy: only a value that can explain itself does.
func TestWhy(t *testing.T) {
	v := table.Defaults()
	for name, want := range map[string]string{"set": ": it needs a value", "text": ""} {
		if got := table.Find(BySet, name).Why(&v, ""); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := table.Find(BySet, "set").Why(&v, "x"); got != "" {
		t.Errorf("a good value has the reason %q", got)
	}
}

func TestFillIn(t *testing.T) {
	v := sample{Number: -1, Period: 500 * time.Microsecond}
	table.FillIn(&v)
	if !reflect.DeepEqual(v, sample{Number: 3, Period: 500 * time.Microsecond}) {
		t.Errorf("got %+v", v)
	}
	v = sample{Number: 7}
	table.FillIn(&v)
	if !reflect.DeepEqual(v, sample{Number: 7, Period: time.Second}) {
		t.Errorf("got %+v", v)
	}
}

// lineOnly is a Value that no command can set.
type lineOnly struct{ Value }

// TestBadRows: mistakes in a table end the program at its start.
func TestBadRows(t *testing.T) {
	for name, f := range map[string]func(){
		"a command sets what only lines can": func() {
			Custom(Spec{Name: "x", Where: BySet}, func(s *sample) Value { return lineOnly{&s.Set} })
		},
		"a default that the value refuses": func() {
			Table[sample]{Custom(Spec{Name: "x"}, func(s *sample) Value { return &s.Set }, "only one")}.Defaults()
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
