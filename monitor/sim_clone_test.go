package monitor

import (
	"fmt"
	"reflect"
	"testing"
)

// TestClone has every core of the scripts, and of some clusters with faults, go
// on as its own clone after each turn of the loop. Whatever happens, a core and
// its clone must do the same, also when both have taken the inputs one after the
// other; and they must share nothing that either can change.
func TestClone(t *testing.T) {
	turns := 0
	compare := func(n *node, did, twinDid *Effects) {
		turns++
		if !reflect.DeepEqual(did, twinDid) {
			t.Fatalf("%s at %v: the core did\n%s\nand its clone\n%s", n.name, n.w.uptime(), effectsText(did), effectsText(twinDid))
		}
		if a, b := n.core.NextDeadline(), n.twin.NextDeadline(); a != b {
			t.Fatalf("%s at %v: the core waits until %v, its clone until %v", n.name, n.w.uptime(), a, b)
		}
		if err := sameSizes(n.core, n.twin); err != nil {
			t.Fatal(err)
		}
		if turns%97 == 0 {
			if err := sharedState(n.core, n.twin); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("scripts", func(t *testing.T) {
		playScripts(t, func(w *world) { w.onTwins = compare })
	})
	t.Run("clusters", func(t *testing.T) {
		for seed := range uint64(3) {
			r := newRun(seed+1, healthy)
			r.w.onTwins = compare
			r.play()
			r.report(t)
		}
	})
	t.Logf("%d turns compared", turns)
}

func effectsText(e *Effects) (text string) {
	for _, f := range e.Free {
		text += fmt.Sprintf("  %T%+v\n", f, f)
	}
	return text + fmt.Sprintf("  %+v", e.Persist)
}

// sameSizes compares the tables of a core with those of its clone.
func sameSizes(a, b *Core) error {
	x, y := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for k := range x.NumField() {
		if f := x.Type().Field(k); f.Type.Kind() == reflect.Map || f.Type.Kind() == reflect.Slice {
			if x.Field(k).Len() != y.Field(k).Len() {
				return fmt.Errorf("%s has %d elements, that of the clone %d", f.Name, x.Field(k).Len(), y.Field(k).Len())
			}
		}
	}
	return nil
}

// immutable are the types of what is never changed once it is made, so that a
// core and its clone may share it.
var immutable = []reflect.Type{
	reflect.TypeFor[*Info](), reflect.TypeFor[*RenameTable](), reflect.TypeFor[State](), reflect.TypeFor[*MasterState](),
	reflect.TypeFor[Effect](), reflect.TypeFor[Command](), reflect.TypeFor[[]InstanceID](), reflect.TypeFor[nameAddrs](),
}

// sharedState looks for memory that two cores can both change.
func sharedState(a, b *Core) error {
	seen := map[uintptr]string{}
	walk(reflect.ValueOf(a), "core", func(at uintptr, path string) error {
		seen[at] = path
		return nil
	}, map[uintptr]bool{})
	return walk(reflect.ValueOf(b), "clone", func(at uintptr, path string) error {
		if was, ok := seen[at]; ok {
			return fmt.Errorf("%s and %s are the same memory", was, path)
		}
		return nil
	}, map[uintptr]bool{})
}

// walk tells about every piece of memory that can be reached from v.
func walk(v reflect.Value, path string, tell func(at uintptr, path string) error, done map[uintptr]bool) error {
	for _, t := range immutable {
		if v.Type() == t {
			if v.Kind() == reflect.Slice && v.Cap() > v.Len() {
				return fmt.Errorf("%s has room for more: what one appends the other could overwrite", path)
			}
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		empty := v.IsNil() || v.Kind() == reflect.Slice && v.Cap() == 0
		if empty || v.Kind() != reflect.Slice && done[v.Pointer()] {
			return nil
		}
		done[v.Pointer()] = true
		if err := tell(v.Pointer(), path); err != nil {
			return err
		}
	}
	return walkInto(v, path, tell, done)
}

func walkInto(v reflect.Value, path string, tell func(at uintptr, path string) error, done map[uintptr]bool) (err error) {
	into := func(v reflect.Value, step string) {
		if err == nil {
			err = walk(v, path+step, tell, done)
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			into(v.Elem(), "")
		}
	case reflect.Struct:
		for k := range v.NumField() {
			into(v.Field(k), "."+v.Type().Field(k).Name)
		}
	case reflect.Slice, reflect.Array:
		for k := range v.Len() {
			into(v.Index(k), fmt.Sprintf("[%d]", k))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			into(v.MapIndex(key), fmt.Sprintf("[%v]", key))
		}
	}
	return err
}
