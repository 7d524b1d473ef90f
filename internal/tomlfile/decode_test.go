package tomlfile

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

type common struct {
	File string `toml:"file"`
}

type target struct {
	common
	Type    string            `toml:"type"`
	Names   map[string]string `toml:"names"`
	Retries int               `toml:"retries"`
	Backend []struct {
		Name    string   `toml:"name"`
		Servers []string `toml:"servers"`
	} `toml:"backend"`
}

type config struct {
	Poll   time.Duration `toml:"poll"`
	Memory Bytes         `toml:"memory"`
	Share  float64       `toml:"share"`
	Quiet  bool          `toml:"quiet"`
	Later  []Table       `toml:"later"`
	Access struct {
		User string `toml:"user"`
	} `toml:"access"`
	Target []target `toml:"target"`
}

func decode(text string) (config, error) {
	var c config
	d := Parse("x.toml", []byte(text))
	d.Top().Decode(&c)
	return c, d.Err()
}

func TestDecode(t *testing.T) {
	c, err := decode(`poll = "1m30s"
memory = "64MiB"
share = 1
access.user = "u"
[[later]]
any = 5
[[target]]
type = "a"
names = { x = "y" }
[[target.backend]]
name = "one"
servers = ["s1", "s2"]
[[target]]
file = "f"
retries = 3
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Poll != 90*time.Second || c.Memory != 64<<20 || c.Share != 1 || c.Access.User != "u" || len(c.Later) != 1 || !c.Later[0].Has("any") {
		t.Errorf("%+v", c)
	}
	if len(c.Target) != 2 || c.Target[0].Names["x"] != "y" || c.Target[1].File != "f" || c.Target[1].Retries != 3 ||
		!reflect.DeepEqual(c.Target[0].Backend[0].Servers, []string{"s1", "s2"}) {
		t.Errorf("%+v", c.Target)
	}
}

// TestMistakes: each mistake is told, with its line and what to do.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"syntax":         {"poll = 5s\n", `x.toml:1: `},
		"unknown key":    {"\npol = \"5s\"\n", `x.toml:2: unknown key "pol" (did you mean "poll"?)`},
		"far off":        {"zzzzzzzz = 1\n", `(known are: access, later, memory, poll, quiet, share, target)`},
		"elsewhere":      {"servers = []\nnames = {}\n", `x.toml:1: unknown key "servers" (it belongs below [[target.backend]])`},
		"in a table":     {"[access]\nusr = \"u\"\n", `x.toml:2: unknown key "usr" in [access] (did you mean "user"?)`},
		"in the second":  {"[[target]]\nfile = \"a\"\n[[target]]\nfiel = \"a\"\n", `x.toml:4: unknown key "fiel" in [[target]] (did you mean "file"?)`},
		"nested":         {"[[target]]\n[[target]]\n[[target.backend]]\n[[target.backend]]\nnam = \"\"\n", `x.toml:5: unknown key "nam" in [[target.backend]]`},
		"in line":        {"\naccess = { usr = \"u\" }\n", `x.toml:2: unknown key "usr" in [access]`},
		"behind a text":  {"[access]\nuser = '''\n[[target]]\nfile = 1\n'''\n[[target]]\nfiel=1\n", `x.toml:7: unknown key "fiel"`},
		"no duration":    {"poll = 5\n", `x.toml:1: poll is no duration (write it like "500ms"`},
		"negative":       {"poll = \"-5s\"\n", `poll is no duration`},
		"no amount":      {"memory = \"64 MB\"\n", `x.toml:1: memory: "64 MB" is no amount of memory`},
		"huge amount":    {"memory = \"9999999999999GiB\"\n", `is no amount`},
		"no text":        {"[access]\nuser = 5\n", `x.toml:2: user must be a text (write "…")`},
		"no bool":        {"quiet = \"true\"\n", `quiet must be true or false (write true or false, without quotes)`},
		"no number":      {"share = \"1\"\n", `share must be a number`},
		"no whole":       {"[[target]]\nretries = 1.5\n", `x.toml:2: retries must be a whole number`},
		"no list":        {"[[target]]\n[[target.backend]]\nservers = \"a\"\n", `x.toml:3: servers must be a list (write ["a", "b"])`},
		"no tables":      {"target = 5\n", `target must be a list (write [[target]] on a line of its own`},
		"one table":      {"[target]\nfile = \"a\"\n", `x.toml:1: target must be a list`},
		"text for table": {"access = 5\n", `access must be a table (write [access] on`},
	} {
		if _, err := decode(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	_, err := decode("a = 1\nquiet = 5\nb = 2\n")
	if want := "x.toml:1: unknown key \"a\""; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all mistakes in the order of the lines: %v", err)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]string{"64MiB": "64MiB", "1024": "1KiB", "1025": "1025B", "0": "0B", "3GiB": "3GiB", "1536KiB": "1536KiB"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b.String() != want {
			t.Errorf("%s is %s, %v, want %s", text, b, err, want)
		}
	}
}

func TestProblemOfTheCaller(t *testing.T) {
	d := Parse("x.toml", []byte("[[later]]\nfile = \"a\"\n[[later]]\n"))
	var c config
	d.Top().Decode(&c)
	c.Later[0].Problem("file", "make it", "no such file")
	c.Later[1].Problem("file", "", "file is missing")
	if err := d.Err(); err == nil || err.Error() != "x.toml:2: no such file (make it)\nx.toml:3: file is missing" {
		t.Error(err)
	}
	if c.Later[0].Text("file") != "a" || c.Later[1].Has("file") {
		t.Error("what the tables have")
	}
}

// FuzzParse: no text makes it panic.
func FuzzParse(f *testing.F) {
	text, _ := os.ReadFile("decode_test.go")
	for _, s := range strings.Split(string(text), "`") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { _, _ = decode(text) })
}
