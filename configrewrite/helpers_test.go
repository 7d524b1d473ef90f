package configrewrite

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	idC = "cccccccccccccccccccccccccccccccccccccccc"
)

// pureSource returns a Source without functions.
func pureSource(format Format) Source {
	name := "sentinel.conf"
	if format == FormatTOML {
		name = "sentinel.toml"
	}
	return Source{Name: name, Format: format, Dir: "/srv"}
}

func mustParse(t testing.TB, text string, src Source) *Document {
	t.Helper()
	doc, err := Parse([]byte(text), src)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return doc
}

// describe writes a state in a form that people can compare.
func describe(st monitor.State) string {
	var b strings.Builder
	o := st.Options
	fmt.Fprintf(&b, "epoch=%d", st.CurrentEpoch)
	for i := range globalOptions {
		opt := &globalOptions[i]
		var zero monitor.Options
		if v := tomlText(opt, &o); v != tomlText(opt, &zero) {
			fmt.Fprintf(&b, " %s=%s", opt.Key(), v)
		}
	}
	b.WriteByte('\n')
	for i := range st.Masters {
		describeMaster(&b, st.Masters[i])
	}
	return b.String()
}

func describeMaster(b *strings.Builder, m *monitor.MasterState) {
	fmt.Fprintf(b, "master %q %s config-epoch=%d leader-epoch=%d", m.Name, describeAddr(m.Addr), m.ConfigEpoch, m.LeaderEpoch)
	if m.VoteUnknown {
		b.WriteString(" vote-unknown")
	}
	if m.Lineage.Heard {
		fmt.Fprintf(b, " %+v", m.Lineage)
	}
	defaults := monitor.MasterConfig{}.WithDefaults()
	for i := range masterOptions {
		opt := &masterOptions[i]
		if v := tomlText(opt, &m.MasterConfig); v != tomlText(opt, &defaults) {
			fmt.Fprintf(b, " %s=%s", opt.Key(), v)
		}
	}
	b.WriteByte('\n')
	for _, a := range m.Replicas {
		fmt.Fprintf(b, "  replica %s\n", describeAddr(a))
	}
	for _, s := range m.Sentinels {
		fmt.Fprintf(b, "  sentinel %s %s\n", describeAddr(s.Addr), s.ID)
	}
}

func describeAddr(a monitor.Addr) string {
	text := addrHostPort(a).String()
	if a.IP != a.Host {
		text += "(" + a.IP + ")"
	}
	return text
}
