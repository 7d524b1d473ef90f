package recorder

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// The sets that are only written.
var (
	effects = setOf[monitor.Effect](
		monitor.Dial{}, monitor.Close{}, monitor.Send{}, monitor.Reply{}, monitor.CallResult{}, monitor.Emit{}, monitor.Log{},
		monitor.FailoverDelayed{}, monitor.AskPolicy{}, monitor.AskChoice{}, monitor.PolicyPhase{}, monitor.Note{}, monitor.RunScript{}, monitor.Resolve{}, monitor.Crash{},
		monitor.ShareOpinion{}, monitor.ShareConfig{}, monitor.GossipPeer{},
	)
	commands = setOf[monitor.Command](
		monitor.Ping{}, monitor.InfoRequest{}, monitor.PublishHello{}, monitor.AskMasterDown{}, monitor.SlaveOf{}, monitor.ScriptKill{},
		monitor.PauseWrites{}, monitor.Unpause{}, monitor.KillClients{}, monitor.RewriteConfig{},
		monitor.AskGossip{}, monitor.AskConfig{}, monitor.PassPause{}, monitor.PassForget{},
	)
)

// receivers returns the types of a package that have a method, as its source
// says.
func receivers(t *testing.T, pkg, method string) []string {
	t.Helper()
	var names []string
	files, err := filepath.Glob("../../" + pkg + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of %s: %v", pkg, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == method {
				names = append(names, fmt.Sprint(fn.Recv.List[0].Type))
			}
		}
	}
	slices.Sort(names)
	return names
}

// TestEveryTypeIsKnown fails when monitor has got an input, an op, an effect or a
// command that a record does not know.
func TestEveryTypeIsKnown(t *testing.T) {
	for method, set := range map[string]members{"isInput": inputs, "isOp": ops, "isEffect": effects, "isCommand": commands} {
		if got, want := slices.Sorted(maps.Keys(set)), receivers(t, "monitor", method); !slices.Equal(got, want) {
			t.Errorf("the types with %s are\n%v\nbut the recorder knows\n%v", method, want, got)
		}
	}
}

// fill sets every field that can be reached from v to some value.
func fill(r *rand.Rand, v reflect.Value) {
	if v.Type() == renameTable {
		v.Set(reflect.ValueOf(monitor.NewRenameTable(monitor.Renamed{From: "CONFIG", To: "\xff<hidden>"})))
		return
	}
	if v.Type() == infoText {
		v.Set(reflect.ValueOf(monitor.PackInfo([]byte("role:master\r\n\xff"))))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString([]string{"text", "é", "\xff\x00", `"<&>\`, "{", "null"}[r.IntN(6)])
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		v.SetInt(-1 << (v.Type().Bits() - 1))
	case reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		v.SetUint(1<<(v.Type().Bits()-1) + 1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(r, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Interface:
		fillInterface(r, v)
	default:
		panic("no value for " + v.Type().String())
	}
}

func fillInterface(r *rand.Rand, v reflect.Value) {
	var set members
	switch v.Type() {
	case reflect.TypeFor[monitor.Op]():
		set = ops
	case reflect.TypeFor[monitor.Command]():
		set = commands
	case reflect.TypeFor[monitor.Fact]():
		v.Set(reflect.ValueOf(monitor.StageFact{Stage: "pause"}))
		return
	case reflect.TypeFor[monitor.Event]():
		v.Set(reflect.ValueOf(event.Set{Option: "quorum", Values: []string{"3"}}))
		return
	case reflect.TypeFor[error]():
		v.Set(reflect.ValueOf(monitor.ErrInProgress))
		return
	default:
		panic("no value for " + v.Type().String())
	}
	names := slices.Sorted(maps.Keys(set))
	value := reflect.New(set[names[r.IntN(len(names))]]).Elem()
	fill(r, value)
	v.Set(value)
}

// TestRoundTrip writes every type of input, empty and with every field set, and
// reads it back.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var list []monitor.Input
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for n := range 6 {
			v := reflect.New(inputs[name]).Elem()
			if n > 0 {
				fill(r, v)
			}
			list = append(list, v.Interface().(monitor.Input))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ops)) {
		for n := range 6 {
			v := reflect.New(ops[name]).Elem()
			if n > 0 {
				fill(r, v)
			}
			list = append(list, monitor.Call{From: 1, Op: v.Interface().(monitor.Op)})
		}
	}
	list = append(list, monitor.Call{Op: monitor.SetOp{Changes: []monitor.Change{{Values: []string{}}}}}, monitor.InfoReply{Info: &monitor.Info{Text: monitor.PackInfo(nil)}})
	for _, in := range list {
		text, err := EncodeInput(in)
		if err != nil {
			t.Fatalf("%#v: %v", in, err)
		}
		if bytes.ContainsAny(text, "\n\r") {
			t.Errorf("more than a line: %q", text)
		}
		got, err := DecodeInput(text)
		if err != nil || !reflect.DeepEqual(got, in) {
			t.Errorf("%s\nbecomes %#v, %v\nwant    %#v", text, got, err, in)
		}
	}
}

// TestEffectsAreWritten encodes every type of effect and command.
func TestEffectsAreWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, name := range slices.Sorted(maps.Keys(effects)) {
		for range 20 {
			v := reflect.New(effects[name]).Elem()
			fill(r, v)
			text, err := EncodeEffect(v.Interface().(monitor.Effect))
			if err != nil || !bytes.Contains(text, []byte(`"`+name+`"`)) {
				t.Errorf("%s: %s, %v", name, text, err)
			}
		}
	}
}

// TestEventsHaveNoHiddenFields: an event that cannot be written down would end a
// record.
func TestEventsHaveNoHiddenFields(t *testing.T) {
	events := receivers(t, "event", "Name")
	if len(events) < 30 {
		t.Fatalf("only %d events are found: %v", len(events), events)
	}
	files, err := filepath.Glob("../../event/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !slices.Contains(events, spec.Name.Name) {
				return true
			}
			if st, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range st.Fields.List {
					for _, id := range field.Names {
						if !id.IsExported() {
							t.Errorf("%s.%s is hidden", spec.Name.Name, id.Name)
						}
					}
				}
			}
			return true
		})
	}
}

func TestBadText(t *testing.T) {
	for _, text := range []string{
		``, `null`, `{}`, `[`, `{"type":"Nonsense"}`, `{"type":"Call","value":{"Op":{"type":"Tick"}}}`, `{"type":"Pong","value":{"Wrong":1}}`,
		`{"type":"Pong","value":{"Conn":-1}}`, `{"type":"Pong","value":{"Conn":"1"}}`, `{"type":"Resolved","value":{"Host":{"base64":"?"}}}`,
		`{"type":"Resolved","value":{"Host":7}}`, `{"type":"Pong","value":[]}`, `{"type":"InfoReply","value":{"Info":{"Text":"x"}}}`,
	} {
		if in, err := DecodeInput([]byte(text)); err == nil {
			t.Errorf("%s became %#v", text, in)
		}
	}
	for _, v := range []any{func() {}, make(chan int), map[int]int{}, struct{ hidden int }{1}, 1.5} {
		if got, err := encode(reflect.ValueOf(v)); err == nil {
			t.Errorf("%T became %v", v, got)
		}
	}
}

// FuzzDecodeInput: no text makes the decoder panic, and what it accepts survives.
func FuzzDecodeInput(f *testing.F) {
	for _, in := range []monitor.Input{monitor.Tick{}, monitor.Call{From: 3, Op: monitor.ResetOp{Pattern: "*"}}, monitor.Resolved{Host: "h", IPs: []string{"\xff"}}} {
		text, err := EncodeInput(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := DecodeInput(text)
		if err != nil {
			return
		}
		again, err := EncodeInput(in)
		if err != nil {
			t.Fatalf("%#v: %v", in, err)
		}
		if got, err := DecodeInput(again); err != nil || !reflect.DeepEqual(got, in) {
			t.Fatalf("%#v becomes %#v, %v", in, got, err)
		}
	})
}
