package monitor

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

const helloID = "54c55ece1d6b8b1d02b9d09f15fe39355c3afdcf"

var goodHello = Hello{
	IP: "127.0.0.1", Port: 27022, RunID: helloID, CurrentEpoch: 3,
	MasterName: "mymaster", MasterIP: "10.0.0.9", MasterPort: 27050, ConfigEpoch: 2,
}

const goodHelloText = "127.0.0.1,27022," + helloID + ",3,mymaster,10.0.0.9,27050,2"

func TestHelloBothWays(t *testing.T) {
	if got := string(AppendHello([]byte("x:"), goodHello)); got != "x:"+goodHelloText {
		t.Errorf("AppendHello = %q", got)
	}
	got, err := ParseHello([]byte(goodHelloText))
	if err != nil || got != goodHello {
		t.Errorf("ParseHello = %+v, %v", got, err)
	}
}

// helloWith returns the good hello with one field replaced.
func helloWith(field int, value string) string {
	f := strings.Split(goodHelloText, ",")
	f[field] = value
	return strings.Join(f, ",")
}

func TestParseHelloAccepts(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ok   func(Hello) bool
	}{
		"largest epochs": {helloWith(3, "18446744073709551615"), func(h Hello) bool { return h.CurrentEpoch == math.MaxUint64 }},
		"epoch zero":     {helloWith(7, "0"), func(h Hello) bool { return h.ConfigEpoch == 0 }},
		"IPv6":           {helloWith(0, "fe80::1"), func(h Hello) bool { return h.IP == "fe80::1" }},
		"host names":     {helloWith(5, "redis-1.example"), func(h Hello) bool { return h.MasterIP == "redis-1.example" }},
		"spaced name":    {helloWith(4, "my master"), func(h Hello) bool { return h.MasterName == "my master" }},
		"underscore":     {helloWith(5, "redis_1.redis_headless."), func(h Hello) bool { return h.MasterIP == "redis_1.redis_headless." }},
		"longest host":   {helloWith(5, strings.Repeat("h", 255)), func(h Hello) bool { return len(h.MasterIP) == 255 }},
		"other alphabet": {helloWith(5, "bücher.example"), func(h Hello) bool { return h.MasterIP == "bücher.example" }},
		"ports":          {helloWith(1, "65535"), func(h Hello) bool { return h.Port == 65535 }},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHello([]byte(c.text))
			if err != nil || !c.ok(h) {
				t.Errorf("ParseHello(%q) = %+v, %v", c.text, h, err)
			}
		})
	}
}

func TestParseHelloRejects(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "1 fields"},
		"seven fields":       {goodHelloText[:strings.LastIndexByte(goodHelloText, ',')], "7 fields"},
		"nine fields":        {goodHelloText + ",", "9 fields"},
		"too long":           {helloWith(4, strings.Repeat("m", MaxHelloLen)), "longer"},
		"no address":         {helloWith(0, ""), "sender address"},
		"address with space": {helloWith(0, "1.2.3.4 5"), "sender address"},
		"address with line":  {helloWith(0, "1.2.3.4\nsentinel"), "sender address"},
		"address with quote": {helloWith(5, `a"b`), "master address"},
		"endless address":    {helloWith(5, strings.Repeat("h", 256)), "master address"},
		"address with blank": {helloWith(0, " 127.0.0.1"), "sender address"},
		"port zero":          {helloWith(1, "0"), "sender port"},
		"port too large":     {helloWith(1, "65536"), "sender port"},
		"port with sign":     {helloWith(1, "+26379"), "sender port"},
		"port padded":        {helloWith(1, "026379"), "sender port"},
		"no master port":     {helloWith(6, ""), "master port"},
		"short id":           {helloWith(2, helloID[1:]), "40 characters"},
		"long id":            {helloWith(2, helloID+"0"), "40 characters"},
		"id with space":      {helloWith(2, " "+helloID[1:]), "sender id"},
		"negative epoch":     {helloWith(3, "-1"), "current epoch"},
		"epoch overflow":     {helloWith(3, "18446744073709551616"), "current epoch"},
		"junk epoch":         {helloWith(7, "2x"), "config epoch"},
		"hex epoch":          {helloWith(7, "0x2"), "config epoch"},
		"spaced epoch":       {helloWith(7, " 2"), "config epoch"},
		"no name":            {helloWith(4, ""), "master name"},
		"name with newline":  {helloWith(4, "my\nmaster"), "master name"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHello([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ParseHello(%q) = %+v, %v; want an error about %q", c.text, h, err, c.want)
			}
			if h != (Hello{}) {
				t.Errorf("ParseHello returned %+v beside an error", h)
			}
		})
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add([]byte(goodHelloText))
	f.Add([]byte(helloWith(3, "00")))
	f.Add([]byte(helloWith(2, "é"+helloID[2:])))
	f.Add([]byte(",,,,,,,"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		h, err := ParseHello(b)
		if !bytes.Equal(b, before) {
			t.Fatal("ParseHello changed its argument")
		}
		if err != nil {
			return
		}
		// An accepted hello loses nothing, so it cannot have been misread.
		if back := AppendHello(nil, h); !bytes.Equal(back, b) {
			t.Fatalf("%q was read as %+v, which is written as %q", b, h, back)
		}
		if h.Port < 1 || h.MasterPort < 1 || h.Port > 65535 || h.MasterPort > 65535 || !h.RunID.Valid() {
			t.Fatalf("%q was accepted as %+v", b, h)
		}
	})
}
