package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/internal/tomlfile"
)

// The keys of redis-proxy's config.json. Those that set what this proxy does not have are
// read and do nothing: it needs no pool, and its log goes to the standard output.
type jsonConfig struct {
	Servers      []jsonServer    `json:"servers"`
	Mode         string          `json:"mode"`
	ListenPort   int             `json:"listen_port"`
	BindAddress  string          `json:"bind_address"`
	CheckPeriod  int             `json:"check_period"` // milliseconds
	PoolSize     int             `json:"pool_size"`
	SlaveBalance string          `json:"slave_balance"`
	Debug        bool            `json:"debug"`
	Loggers      json.RawMessage `json:"loggers"`
}

type jsonServer struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// jsonGroup is what the only group of such a file is called.
const jsonGroup = "redis"

// parseJSON reads a config.json of redis-proxy.
func parseJSON(path string, text []byte) (*Config, error) {
	f := &jsonFile{name: path, text: text}
	in := jsonConfig{ListenPort: 9999, BindAddress: "127.0.0.1", CheckPeriod: 5000}
	f.decode(text, &in)
	c := in.config(f)
	if len(f.problems) == 0 { // what follows from others would only confuse
		c.complete(func(_, hint, format string, args ...any) { f.problem("", hint, format, args...) }, filepath.Dir(path))
	}
	if len(f.problems) > 0 {
		return nil, &tomlfile.Error{Problems: f.problems}
	}
	return c, nil
}

// config converts to a configuration of this proxy.
func (in *jsonConfig) config(f *jsonFile) *Config {
	c := defaults()
	l := ListenerConfig{Bind: net.JoinHostPort(in.BindAddress, strconv.Itoa(in.ListenPort))}
	switch in.Mode {
	case "", "allToMaster":
	case "readsToSlaves":
		l.Mode = ModeSplit
	default:
		f.problem("mode", `it is "allToMaster" or "readsToSlaves"`, "mode %q is unknown", in.Mode)
	}
	if in.SlaveBalance != "" && in.SlaveBalance != "roundrobin" {
		f.problem("slave_balance", `it is "roundrobin"; proxy.toml has more`, "slave_balance %q is unknown", in.SlaveBalance)
	}
	if in.CheckPeriod < 100 {
		f.problem("check_period", "leave it out for 5000", "check_period is a number of milliseconds, at least 100")
	}
	g := GroupConfig{Name: jsonGroup, DownAfter: time.Duration(in.CheckPeriod) * time.Millisecond}
	for _, s := range in.Servers {
		if s.Host == "" {
			s.Host = "localhost"
		}
		if s.Port == 0 {
			s.Port = 6379
		}
		g.Servers = append(g.Servers, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	}
	g.checkServers(func(key, _, format string, args ...any) {
		f.problem(key, `write "servers": [{"host": "localhost", "port": 6379}, ...]`, format, args...)
	})
	c.Groups, c.Listeners = []GroupConfig{g}, []ListenerConfig{l}
	return c
}

// jsonKinds says what a value must be.
var jsonKinds = map[reflect.Kind]string{
	reflect.Int: "a number", reflect.String: "a text", reflect.Bool: "true or false", reflect.Slice: "a list", reflect.Struct: "an object",
}

// jsonFile collects what is wrong with a file.
type jsonFile struct {
	name     string
	text     []byte
	problems []tomlfile.Problem
}

func (f *jsonFile) problem(key, hint, format string, args ...any) {
	line := 0
	if at := regexp.MustCompile(`"` + regexp.QuoteMeta(key) + `"\s*:`).FindIndex(f.text); key != "" && at != nil {
		line = f.line(int64(at[0]))
	}
	f.problems = append(f.problems, tomlfile.Problem{File: f.name, Line: line, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (f *jsonFile) line(offset int64) int {
	return 1 + bytes.Count(f.text[:min(offset, int64(len(f.text)))], []byte("\n"))
}

// decode reads the file, and objects to keys that it cannot have.
func (f *jsonFile) decode(text []byte, in *jsonConfig) {
	err := json.Unmarshal(text, in)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		f.problems = append(f.problems, tomlfile.Problem{File: f.name, Line: f.line(syntax.Offset), Message: syntax.Error(), Hint: "a file that ends in .json is one of redis-proxy; others are TOML"})
		return
	case errors.As(err, &kind):
		f.problems = append(f.problems, tomlfile.Problem{File: f.name, Line: f.line(kind.Offset), Message: kind.Field + " must be " + jsonKinds[kind.Type.Kind()]})
		return
	}
	var top map[string]json.RawMessage
	var list struct {
		Servers []map[string]json.RawMessage `json:"servers"`
	}
	if json.Unmarshal(text, &top) == nil {
		f.known(top, []string{"bind_address", "check_period", "debug", "listen_port", "loggers", "mode", "pool_size", "servers", "slave_balance"})
	}
	if json.Unmarshal(text, &list) == nil {
		for _, s := range list.Servers {
			f.known(s, []string{"host", "port"})
		}
	}
}

func (f *jsonFile) known(table map[string]json.RawMessage, keys []string) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if !slices.Contains(keys, key) {
			f.problem(key, tomlfile.Known("known", key, keys), "unknown key %q", key)
		}
	}
}
