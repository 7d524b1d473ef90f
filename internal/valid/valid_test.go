package valid_test

import (
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/valid"
)

// try calls a rule with good and bad values.
func try(t *testing.T, name string, rule func(string) error, good []string, bad map[string]error) {
	t.Helper()
	for _, s := range good {
		if err := rule(s); err != nil {
			t.Errorf("%s(%.50q): %v", name, s, err)
		}
	}
	for s, want := range bad {
		if err := rule(s); err != want {
			t.Errorf("%s(%.50q) = %v, want %v", name, s, err, want)
		}
	}
}

func TestHost(t *testing.T) {
	good := []string{
		"10.0.0.1", "127.1", "0x7f.1", "010.0.0.1", "::1", "FE80::A", "fe80::1%eth0", "::ffff:1.2.3.4", "localhost", "redis_0", "my_redis.net_1",
		"redis-0.redis.svc.cluster.local.", "xn--bcher-kva.example", "bücher.example", "例え", strings.Repeat("h", 255), "0.0.0.0", "224.0.0.1", "*", "a:b",
	}
	bad := map[string]error{"": valid.ErrNoHost, strings.Repeat("h", 256): valid.ErrLongHost}
	for _, s := range []string{" 10.0.0.1", "10.0.0.1 ", "10.0.0.1 10.0.0.2", "10.0.0.1,x", `a"b`, "a'b", `a\b`, "a\tb", "a\nb", "a\x00", "a\x7f", "a\u0085b",
		"a\u2028b", "a\u202eb", "a\u00a0b", "\xff", "é\xff", "☃"} {
		bad[s] = valid.ErrHostText
	}
	try(t, "Host", valid.Host, good, bad)
}

func TestAnnounced(t *testing.T) {
	bad := map[string]error{"": valid.ErrNoHost, "10.0.0.1,x": valid.ErrHostText, " 10.0.0.1": valid.ErrHostText}
	for _, s := range []string{"0.0.0.0", "0", "0x0", "0.0", "::", "0::0", "::ffff:0.0.0.0", "::%lo", "255.255.255.255", "224.0.0.1", "239.255.255.250", "ff02::1", "ff02::1%eth0"} {
		bad[s] = valid.ErrUnusable
	}
	try(t, "Announced", valid.Announced, []string{"10.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "10.0.0.255", "0.0.0.1", "sentinel_1", "169.254.1.1"}, bad)
}

func TestMasterName(t *testing.T) {
	long := strings.Repeat("m", 256)
	try(t, "MasterName", valid.MasterName, []string{"mymaster", "a.b-c_d", "é", "#m", "m;", "\xff", long[1:]}, map[string]error{
		"": valid.ErrNoName, long: valid.ErrLongName, "a b": valid.ErrNameText, "a,b": valid.ErrNameText, `a"b`: valid.ErrNameText,
		"a'b": valid.ErrNameText, `a\b`: valid.ErrNameText, "a`b": valid.ErrNameText, "a\nb": valid.ErrNameText, "a\u0085b": valid.ErrNameText,
	})
	try(t, "ToldName", valid.ToldName, []string{"mymaster", "my master", `q"'\`, "\xff", long}, map[string]error{
		"": valid.ErrNoName, "my,master": valid.ErrTold, "a\nb": valid.ErrTold, "a\x7fb": valid.ErrTold,
	})
}

func TestID(t *testing.T) {
	id := "54c55ece1d6b8b1d02b9d09f15fe39355c3afdcf"
	try(t, "ID", valid.ID, []string{id, strings.Repeat("#", 40)}, map[string]error{
		"": valid.ErrIDLen, id[1:]: valid.ErrIDLen, id + "0": valid.ErrIDLen, " " + id[1:]: valid.ErrIDText, "," + id[1:]: valid.ErrIDText,
		`"` + id[1:]: valid.ErrIDText, "é" + id[2:]: valid.ErrIDText, "\n" + id[1:]: valid.ErrIDText,
	})
}

func TestWord(t *testing.T) {
	try(t, "Word", valid.Word, []string{"", "pass word", `"'\,`, "é\xff", "\u0085"}, map[string]error{
		"a\nb": valid.ErrControl, "\x00": valid.ErrControl, "\x7f": valid.ErrControl, "a\t": valid.ErrControl,
	})
}

func TestSameCommand(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"KILL", "kill", true}, {"kill", "KILL", true}, {"", "", true}, {"a", "b", false}, {"a", "", false}, {"[", "{", false},
		{"\u212aILL", "kill", false}, {"\u212aILL", "\u212aill", true}, {"É", "é", false}, {"\u017flaveof", "slaveof", false},
	} {
		if got := valid.SameCommand(c.a, c.b); got != c.want {
			t.Errorf("SameCommand(%q, %q) = %t", c.a, c.b, got)
		}
	}
}
