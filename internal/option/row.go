package option

import (
	"fmt"
	"slices"
	"time"
)

// Row is one option of a struct of type T.
type Row[T any] struct {
	Spec
	// At returns where the value is: a pointer to a string, an int, a bool, a
	// [time.Duration] or a []string, or else a [Value].
	At   func(*T) any
	kind Kind
	set  func(*T) // sets the default
}

// Of makes a row for a field of a basic type. The default is the value that the
// field has when nothing sets it.
func Of[T any, V interface {
	string | int | bool | time.Duration | []string
}](s Spec, at func(*T) *V, byDefault V) Row[T] {
	r := Row[T]{Spec: s, At: func(t *T) any { return at(t) }}
	r.set = func(t *T) { *at(t) = byDefault }
	switch list := any(byDefault).(type) {
	case []string:
		r.kind = List
		r.set = func(t *T) { *any(at(t)).(*[]string) = slices.Clone(list) }
	case int:
		r.kind = Integer
	case time.Duration:
		r.kind = Duration
	case bool:
		r.kind = YesNo
	case string:
		if s.Words != nil {
			r.kind = Word
		}
	}
	return r
}

// Custom makes a row for a field of any other type. The default is given as the
// words of a line; none are the zero value.
func Custom[T any](s Spec, at func(*T) Value, byDefault ...string) Row[T] {
	kind := at(new(T)).Kind()
	if _, ok := at(new(T)).(Commanded); !ok && s.Where.Has(BySet|ByConfigSet|ByDebug) {
		panic(fmt.Sprintf("option %q: a command cannot set a field of this type", s.Name))
	}
	return Row[T]{Spec: s, At: func(t *T) any { return at(t) }, kind: kind, set: func(t *T) {
		v := at(t)
		v.Clear()
		if len(byDefault) > 0 {
			if err := v.SetLine(byDefault); err != nil {
				panic(fmt.Sprintf("option %q: the default is bad: %v", s.Name, err))
			}
		}
	}}
}

// Kind tells how the value is written.
func (r *Row[T]) Kind() Kind { return r.kind }

// SetDefault gives the field of t its default.
func (r *Row[T]) SetDefault(t *T) { r.set(t) }

// Table is the options of a struct, in the order in which files and replies list
// them.
type Table[T any] []Row[T]

// Find returns the option of that name, in lower case, which can be set in one of
// the given ways, or nil.
func (t Table[T]) Find(where Where, name string) *Row[T] {
	for i := range t {
		if t[i].Where.Has(where) && t[i].Called(name) {
			return &t[i]
		}
	}
	return nil
}

// FindKey returns the option with that key of a sentinel.toml, or nil.
func (t Table[T]) FindKey(key string) *Row[T] {
	for i := range t {
		if t[i].Where.Has(InTOML) && t[i].Key() == key {
			return &t[i]
		}
	}
	return nil
}

// Select returns the options that can be set in one of the given ways.
func (t Table[T]) Select(where Where) Table[T] {
	var list Table[T]
	for _, r := range t {
		if r.Where.Has(where) {
			list = append(list, r)
		}
	}
	return list
}

// Defaults returns a T in which every option has its default.
func (t Table[T]) Defaults() T {
	var v T
	for i := range t {
		t[i].set(&v)
	}
	return v
}

// FillIn gives the default to every number below its lowest value, to every
// negative duration, and to a duration of 0 where 0 is not allowed: the zero value
// of such a field means that nothing was said.
func (t Table[T]) FillIn(v *T) {
	for i := range t {
		switch p := t[i].At(v).(type) {
		case *int:
			if int64(*p) < t[i].Lo {
				t[i].set(v)
			}
		case *time.Duration:
			if *p < 0 || *p == 0 && t[i].Lo > 0 {
				t[i].set(v)
			}
		}
	}
}

// Description is a row without its struct.
type Description struct {
	Spec
	Kind    Kind
	Default [][]string // the words of each line that says the default
}

// Describe returns the rows as data.
func (t Table[T]) Describe() []Description {
	defaults := t.Defaults()
	list := make([]Description, len(t))
	for i := range t {
		list[i] = Description{Spec: t[i].Spec, Kind: t[i].kind, Default: t[i].Lines(&defaults)}
	}
	return list
}
