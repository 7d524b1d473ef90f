package monitor

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// operate steps a core with an op and returns the result, the texts of the
// events, and whether anything is to be saved. A result that waits for the disk
// is released.
func operate(t *testing.T, c *Core, op Op) (r CallResult, events []string, saves bool) {
	t.Helper()
	var out Effects
	c.Drain(&out) // what happened before
	if out.Persist != nil {
		c.Step(c.now, Persisted{Seq: out.Persist.Seq})
	}
	out.Reset()
	c.Step(c.now+1, Call{From: 7, Op: op})
	c.Drain(&out)
	effects := out.Free
	if out.Persist != nil {
		saves = true
		effects = append(slices.Clone(effects), out.Persist.Then...)
		c.Step(c.now, Persisted{Seq: out.Persist.Seq})
	}
	answers := 0
	for _, e := range effects {
		switch e := e.(type) {
		case CallResult:
			r, answers = e, answers+1
		case Emit:
			events = append(events, e.Event.Name()+" "+string(e.Event.AppendText(nil)))
		}
	}
	if answers != 1 || r.To != 7 {
		t.Fatalf("%#v was answered %d times", op, answers)
	}
	return r, events, saves
}

func newCore(t *testing.T, st State) *Core {
	t.Helper()
	c, err := New(1, Params{State: st})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func change(option string, values ...string) Change { return Change{Option: option, Values: values} }

const masterText = "master mymaster 10.0.0.1 6379"

// TestSetOp: changes are applied in order up to the first bad one, those are saved,
// and no secret is shown.
func TestSetOp(t *testing.T) {
	noScript := change("notification-script", "/nowhere")
	noScript.NotExecutable = true
	for _, c := range []struct {
		name    string
		scripts bool
		changes []Change
		err     string
		events  []string
		want    func(*MasterConfig)
	}{
		{name: "all good", changes: []Change{change("QUORUM", "3"), change("auth-pass", "secret"), change("rename-command", "CONFIG", "x")},
			events: []string{"QUORUM 3", "auth-pass ******", "rename-command CONFIG x"},
			want: func(m *MasterConfig) {
				m.Quorum, m.AuthPass, m.Rename = 3, "secret", NewRenameTable(Renamed{"CONFIG", "x"})
			}},
		{name: "a bad value", changes: []Change{change("quorum", "3"), change("Down-After-Milliseconds", "0"), change("parallel-syncs", "9")},
			err: "ERR Invalid argument '0' for SENTINEL SET 'Down-After-Milliseconds'", events: []string{"quorum 3"},
			want: func(m *MasterConfig) { m.Quorum = 3 }},
		{name: "an unknown option", changes: []Change{change("parallel-syncs", "2"), change("nonsense")},
			err: "ERR Unknown option or number of arguments for SENTINEL SET 'nonsense'", events: []string{"parallel-syncs 2"},
			want: func(m *MasterConfig) { m.ParallelSyncs = 2 }},
		{name: "one of the files only", changes: []Change{change("can-failover", "no")},
			err: "ERR Unknown option or number of arguments for SENTINEL SET 'can-failover'"},
		{name: "a missing value", changes: []Change{change("rename-command", "CONFIG")},
			err: "ERR Unknown option or number of arguments for SENTINEL SET 'rename-command'"},
		{name: "an empty word", changes: []Change{change("rename-command", "CONFIG", "")},
			err: "ERR Invalid argument '' for SENTINEL SET 'rename-command'"},
		{name: "scripts are denied", changes: []Change{noScript},
			err: "ERR " + errScriptsDenied.Text},
		{name: "a script that is none", scripts: true, changes: []Change{noScript},
			err: "ERR Notification script seems non existing or non executable"},
		{name: "a script", scripts: true, changes: []Change{change("client-reconfig-script", "/bin/true")},
			events: []string{"client-reconfig-script /bin/true"}, want: func(m *MasterConfig) { m.ClientReconfigScript = "/bin/true" }},
		{name: "no script any more", scripts: true, changes: []Change{{Option: "notification-script", Values: []string{""}, NotExecutable: true}},
			events: []string{"notification-script "}, want: func(*MasterConfig) {}},
		{name: "the name of another version", changes: []Change{change("primary-reboot-down-after-period", "5")},
			events: []string{"primary-reboot-down-after-period 5"}, want: func(m *MasterConfig) { m.RebootDownAfter = 5 * time.Millisecond }},
		{name: "a planned failover as the original does it", changes: []Change{change("planned-failover", "Stock"), change("empty-promotion-grace", "0"), change("empty-promotion-grace", "1500")},
			events: []string{"planned-failover Stock", "empty-promotion-grace 0", "empty-promotion-grace 1500"},
			want: func(m *MasterConfig) {
				m.PlannedFailover, m.EmptyPromotionGrace = PlannedStock, 1500*time.Millisecond
			}},
		{name: "guards", changes: []Change{change("return-fence", "Report"), change("isolation-fence", "yes"), change("lineage-guard", "no"), change("lineage-guard", "off")},
			events: []string{"return-fence Report", "isolation-fence yes", "lineage-guard no", "lineage-guard off"},
			want: func(m *MasterConfig) {
				m.Guards = Guards{ReturnFence: GuardReport, IsolationFence: GuardOn, Lineage: GuardOff}
			}},
		{name: "a guard that goes no way", changes: []Change{change("return-fence", "perhaps")},
			err: "ERR Invalid argument 'perhaps' for SENTINEL SET 'return-fence': it must be auto, off, report or on"},
		{name: "no way of failover", changes: []Change{change("planned-failover", "later")},
			err: "ERR Invalid argument 'later' for SENTINEL SET 'planned-failover': it must be safe or stock"},
		{name: "a grace that is no time", changes: []Change{change("empty-promotion-grace", "-1")},
			err: "ERR Invalid argument '-1' for SENTINEL SET 'empty-promotion-grace'"},
	} {
		st := oneMaster()
		st.Options.AllowScriptsReconfig = c.scripts
		core := newCore(t, st)
		want := core.State().Masters[0].MasterConfig
		if c.want != nil {
			c.want(&want)
		}
		r, events, saves := operate(t, core, SetOp{Name: "mymaster", Changes: c.changes})
		if got := fmt.Sprint(r.Err); got != c.err && (r.Err != nil || c.err != "") {
			t.Errorf("%s: answered %s, want %s", c.name, got, c.err)
		}
		for i := range c.events {
			c.events[i] = "+set " + masterText + " " + c.events[i]
		}
		if !slices.Equal(events, c.events) {
			t.Errorf("%s: events %q, want %q", c.name, events, c.events)
		}
		if got := core.State().Masters[0].MasterConfig; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
		if saves != (len(c.events) > 0) {
			t.Errorf("%s: saved: %v", c.name, saves)
		}
	}
	if r, _, _ := operate(t, newCore(t, oneMaster()), SetOp{Name: "other", Changes: []Change{change("nonsense")}}); r.Err != ErrNoSuchMaster {
		t.Errorf("about an unknown master: %v", r.Err)
	}
}

// TestConfigSetOp: all changes are made or none.
func TestConfigSetOp(t *testing.T) {
	core := newCore(t, oneMaster())
	before := core.Options()
	for _, c := range []struct {
		changes []Change
		err     string
	}{
		{[]Change{change("announce-port", "7"), change("announce-ip", "a b")}, "ERR Invalid value 'a b' to SENTINEL CONFIG SET 'announce-ip': an address cannot contain white space, quotes, commas, backslashes or control characters"},
		{[]Change{change("announce-ip", "0.0.0.0")}, "ERR Invalid value '0.0.0.0' to SENTINEL CONFIG SET 'announce-ip': nobody can connect to this address"},
		{[]Change{change("announce-port", "65536")}, "ERR Invalid value '65536' to SENTINEL CONFIG SET 'announce-port'"},
		{[]Change{change("announce-port", "7"), change("myid", strings.Repeat("x", 40))}, "ERR Invalid argument 'myid' to SENTINEL CONFIG SET"},
		{[]Change{change("announce-port")}, "ERR Invalid argument 'announce-port' to SENTINEL CONFIG SET"},
	} {
		r, _, saves := operate(t, core, ConfigSetOp{c.changes})
		if r.Err == nil || r.Err.Error() != c.err || saves || core.Options() != before {
			t.Errorf("%v: %v, saved: %v, %+v", c.changes, r.Err, saves, core.Options())
		}
	}
	r, _, saves := operate(t, core, ConfigSetOp{[]Change{change("Announce-Port", "7"), change("resolve-hostnames", "YES"), change("sentinel-pass", "p")}})
	before.AnnouncePort, before.ResolveHostnames, before.SentinelPass = 7, true, "p"
	if r.Err != nil || !saves || core.Options() != before {
		t.Errorf("%v, saved: %v, %+v", r.Err, saves, core.Options())
	}
}

// TestDebugOp: what stands before the first mistake is applied, and nothing saved.
func TestDebugOp(t *testing.T) {
	core := newCore(t, oneMaster())
	want := core.Tunables()
	want.InfoPeriod = 5 * time.Millisecond
	for _, c := range []struct {
		bad Change
		err string
	}{
		{change("ping-period", "0"), "ERR Invalid argument '0' for SENTINEL DEBUG 'ping-period'"},
		{change("heartbeat", "5"), "ERR Unknown option or number of arguments for SENTINEL DEBUG 'heartbeat'"},
		{change("PING-PERIOD"), "ERR Unknown option or number of arguments for SENTINEL DEBUG 'PING-PERIOD'"},
		{change("tilt-period", "315360000001"), "ERR Invalid argument '315360000001' for SENTINEL DEBUG 'tilt-period'"},
	} {
		r, _, saves := operate(t, core, DebugOp{[]Change{change("INFO-PERIOD", "5"), c.bad, change("ask-period", "5")}})
		if r.Err == nil || r.Err.Error() != c.err || saves || core.Tunables() != want {
			t.Errorf("%v: %v, saved: %v, %+v", c.bad, r.Err, saves, core.Tunables())
		}
	}
}

func TestResetOp(t *testing.T) {
	st := oneMaster()
	for _, name := range []string{"cache-1", "cache-2"} {
		m := *st.Masters[0]
		m.Name = name
		st.Masters = append(st.Masters, &m)
	}
	core := newCore(t, st)
	for pattern, count := range map[string]int{"cache-?": 2, "*": 3, "CACHE-1": 0, "[m]ymaster": 1} {
		r, events, _ := operate(t, core, ResetOp{pattern})
		if r.Err != nil || r.Count != count || len(events) != count {
			t.Errorf("%s: %+v, events %q", pattern, r, events)
		}
	}
	if r, events, _ := operate(t, core, ResetOp{strings.Repeat("*", MaxPattern+1)}); r.Err != ErrPatternTooLong || len(events) > 0 {
		t.Errorf("a long pattern: %+v, events %q", r, events)
	}
}

// TestEveryTunableIsAnOption, and every one has a default: a core with a period of
// 0 would spin.
func TestEveryTunableIsAnOption(t *testing.T) {
	v := reflect.ValueOf(DefaultTunables())
	for i := range v.NumField() {
		if v.Field(i).Int() <= 0 {
			t.Errorf("no row of tunableOptions sets %s", v.Type().Field(i).Name)
		}
	}
	if len(tunableOptions) != v.NumField() {
		t.Errorf("%d rows for %d tunables", len(tunableOptions), v.NumField())
	}
}
