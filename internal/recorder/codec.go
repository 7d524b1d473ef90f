package recorder

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/gosentinel/sentinel/monitor"
)

// The closed sets of which a record holds values, by the name of the type. What is
// decoded must stand here; a test compares the lists with the source of monitor.
var (
	inputs = setOf[monitor.Input](
		monitor.Tick{}, monitor.Stood{}, monitor.LinkUp{}, monitor.LinkDown{}, monitor.LinkTrouble{}, monitor.Pong{}, monitor.InfoReply{}, monitor.PublishReply{},
		monitor.AskReply{}, monitor.SlaveOfReply{}, monitor.CommandDone{}, monitor.HelloReceived{}, monitor.PubSubActivity{},
		monitor.Ask{}, monitor.Call{}, monitor.PolicyAnswer{}, monitor.ChoiceAnswer{}, monitor.Persisted{}, monitor.Resolved{},
		monitor.GossipReply{}, monitor.ConfigReply{}, monitor.PeerOpinion{}, monitor.PeerConfig{}, monitor.PeerLiveness{},
	)
	ops = setOf[monitor.Op](
		monitor.MonitorOp{}, monitor.RemoveOp{}, monitor.ResetOp{}, monitor.FailoverOp{}, monitor.FlushOp{}, monitor.SetOp{},
		monitor.ConfigSetOp{}, monitor.DebugOp{}, monitor.SimulateOp{}, monitor.PauseOp{}, monitor.ReplicaOp{}, monitor.ForgetOp{},
	)
)

// members are the types of a closed set by their names.
type members map[string]reflect.Type

func setOf[I any](values ...I) members {
	set := members{}
	for _, v := range values {
		t := reflect.TypeOf(v)
		set[t.Name()] = t
	}
	return set
}

// setsByInterface finds the set that a field of interface type is one of.
var setsByInterface = map[reflect.Type]members{
	reflect.TypeFor[monitor.Input](): inputs,
	reflect.TypeFor[monitor.Op]():    ops,
}

// tagged is how a value of an interface type is written.
type tagged struct {
	Type  string `json:"type"`
	Value any    `json:"value,omitempty"`
}

// encodedBytes is how bytes are written, and text that JSON could not hold.
type encodedBytes struct {
	Base64 string `json:"base64"`
}

var (
	renameTable = reflect.TypeFor[*monitor.RenameTable]()
	infoText    = reflect.TypeFor[monitor.InfoText]() // its packed form may change between versions
)

// encode turns a value into what encoding/json writes without loss. Fields with
// their zero value are left out.
func encode(v reflect.Value) (any, error) {
	if v.Type() == renameTable {
		return encode(reflect.ValueOf(v.Interface().(*monitor.RenameTable).Entries()))
	}
	if v.Type() == infoText {
		return encodedBytes{base64.StdEncoding.EncodeToString(v.Interface().(monitor.InfoText).Bytes())}, nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10)), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return json.Number(strconv.FormatUint(v.Uint(), 10)), nil
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) {
			return encodedBytes{base64.StdEncoding.EncodeToString([]byte(s))}, nil
		}
		return v.String(), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return encode(v.Elem())
	case reflect.Interface:
		return encodeInterface(v)
	case reflect.Slice:
		return encodeSlice(v)
	case reflect.Struct:
		return encodeStruct(v)
	}
	return nil, fmt.Errorf("recorder: a %v cannot be written down", v.Type())
}

func encodeInterface(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	v = v.Elem()
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	value, err := encode(v)
	if fields, ok := value.(map[string]any); ok && len(fields) == 0 {
		value = nil
	}
	return tagged{t.Name(), value}, err
}

func encodeSlice(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return encodedBytes{base64.StdEncoding.EncodeToString(v.Bytes())}, nil
	}
	list := make([]any, v.Len())
	for i := range list {
		var err error
		if list[i], err = encode(v.Index(i)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func encodeStruct(v reflect.Value) (any, error) {
	fields := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			return nil, fmt.Errorf("recorder: %v.%s is hidden and cannot be written down", v.Type(), f.Name)
		}
		if v.Field(i).IsZero() {
			continue
		}
		value, err := encode(v.Field(i))
		if err != nil {
			return nil, err
		}
		fields[f.Name] = value
	}
	return fields, nil
}

// decode is the inverse of encode: it sets v, which has its zero value, from text.
func decode(text json.RawMessage, v reflect.Value) error {
	if string(text) == "null" || len(text) == 0 {
		return nil
	}
	if v.Type() == renameTable {
		var entries []monitor.Renamed
		if err := decode(text, reflect.ValueOf(&entries).Elem()); err != nil {
			return err
		}
		v.Set(reflect.ValueOf(monitor.NewRenameTable(entries...)))
		return nil
	}
	if v.Type() == infoText {
		raw, err := decodeBytes(text)
		v.Set(reflect.ValueOf(monitor.PackInfo(raw)))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		if text[0] == '{' {
			raw, err := decodeBytes(text)
			v.SetString(string(raw))
			return err
		}
		return json.Unmarshal(text, v.Addr().Interface())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decode(text, v.Elem())
	case reflect.Interface:
		return decodeInterface(text, v)
	case reflect.Slice:
		return decodeSlice(text, v)
	case reflect.Struct:
		return decodeStruct(text, v)
	}
	return json.Unmarshal(text, v.Addr().Interface())
}

func decodeBytes(text json.RawMessage) ([]byte, error) {
	var b encodedBytes
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(b.Base64)
}

func decodeInterface(text json.RawMessage, v reflect.Value) error {
	var in struct {
		Type  string
		Value json.RawMessage
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	t, known := setsByInterface[v.Type()][in.Type]
	if !known {
		return fmt.Errorf("recorder: %q is no %v", in.Type, v.Type())
	}
	value := reflect.New(t).Elem()
	if err := decode(in.Value, value); err != nil {
		return err
	}
	v.Set(value)
	return nil
}

func decodeSlice(text json.RawMessage, v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		raw, err := decodeBytes(text)
		v.SetBytes(raw)
		return err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decode(item, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeStruct(text json.RawMessage, v reflect.Value) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if err := decode(fields[name], v.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		delete(fields, name)
	}
	for name := range fields {
		return fmt.Errorf("recorder: a %v has no field %s", v.Type(), name)
	}
	return nil
}

// marshal returns v as JSON.
func marshal[T any](v T) (json.RawMessage, error) {
	value, err := encode(reflect.ValueOf(&v).Elem())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// unmarshal is the inverse of marshal.
func unmarshal[T any](text json.RawMessage) (v T, err error) {
	if len(text) == 0 {
		return v, errors.New("recorder: the line is incomplete")
	}
	return v, decode(text, reflect.ValueOf(&v).Elem())
}

// EncodeInput returns an input as one line of JSON, without a line feed.
func EncodeInput(in monitor.Input) ([]byte, error) { return marshal(in) }

// DecodeInput is the inverse of [EncodeInput].
func DecodeInput(text []byte) (monitor.Input, error) {
	in, err := unmarshal[monitor.Input](text)
	if err == nil && in == nil {
		err = errors.New("recorder: there is no input")
	}
	return in, err
}

// EncodeEffect returns an effect as one line of JSON, without a line feed.
func EncodeEffect(e monitor.Effect) ([]byte, error) { return marshal(e) }
