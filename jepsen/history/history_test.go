package history

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestFile: what is recorded is returned and can be loaded again.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	r, err := New(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Op(Op{Client: "c", Func: Read, Key: "k", Values: []int64{1, 2}, Call: 1, Return: 2, Outcome: OK, Server: "s"})
	r.View(View{Sentinel: "s", Call: 1, Return: 2, Master: "m", Epoch: 3, Flags: "master"})
	r.Role(Role{Server: "s", Role: "slave", Master: "m", Link: "connected"})
	r.Hello(Hello{By: "id", CurrentEpoch: 4, Epoch: 3, Master: "m"})
	r.Event(Event{Sentinel: "s", Name: "+sdown", Text: "master m", Logged: true})
	r.Fault(Fault{Number: 2, What: "kill", Targets: []string{"s"}, Begin: 1, End: 2, Seen: "gone"})
	r.Mark("x")
	r.Late(time.Second)
	r.Final(Final{Key: "k", Values: []int64{1}})
	r.Place(Place{Name: "s", Addr: "a:1"})
	r.Attempt(Attempt{Sentinel: "s", From: "a", To: "b", Epoch: 1, Kind: "failover", Outcome: "promoted"})
	h, err := r.Close()
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(h)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() != 1 {
			t.Errorf("%s has %d records", v.Type().Field(i).Name, f.Len())
		}
	}
	loaded, err := Load(path)
	if err != nil || !reflect.DeepEqual(h, loaded) {
		t.Errorf("loaded %+v, %v\nwant %+v", loaded, err, h)
	}
}

// TestFull: a history that is full keeps its beginning and says how much is missing.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	r, err := New(path)
	if err != nil {
		t.Fatal(err)
	}
	r.n = maxRecords - 1
	for _, what := range []string{"a", "b", "c"} {
		r.Mark(what)
	}
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := Load(path)
	if err != nil || len(h.Marks) != 1 || h.Marks[0].What != "a" || h.Dropped != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestLoadErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if _, err := Load(path); err == nil {
		t.Error("a file that is not there was loaded")
	}
	if err := os.WriteFile(path, []byte("{\"dropped\":1}\n{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "record 2") {
		t.Errorf("half a record: %v", err)
	}
	if _, err := New(filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file was made")
	}
}
