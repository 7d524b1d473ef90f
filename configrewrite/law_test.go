package configrewrite

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// The laws, for every text u and state s:
//
//	Parse(Render(u, s)) = s             nothing of the state is lost or changed
//	Render(Render(u, s), s) = Render(u, s)
//	comments of u, and all of the operator's part of a TOML file, are in Render(u, s)

func checkLaws(t testing.TB, doc *Document, current []byte, st monitor.State) {
	t.Helper()
	out := doc.Render(current, st)
	if err := doc.Verify(out, st); err != nil {
		t.Fatalf("%v\ncurrent:\n%s\nrendered:\n%s\nstate:\n%s", err, current, out, describe(st))
	}
	if again := doc.Render(out, st); !bytes.Equal(again, out) {
		t.Fatalf("Render is not idempotent:\n%s\n---\n%s", out, again)
	}
	if doc.source.Format == FormatTOML {
		head, _ := cutState(current)
		if !bytes.HasPrefix(out, head) {
			t.Fatalf("the operator's part changed:\n%s\n---\n%s", head, out)
		}
		return
	}
	checkComments(t, current, out)
}

// checkComments checks that every line which is not a directive is still there,
// in the same order.
func checkComments(t testing.TB, current, out []byte) {
	t.Helper()
	lines := strings.Split(string(out), "\n")
	for part := range bytes.Lines(current) {
		line := strings.TrimRight(string(part), " \t\r\n")
		text := strings.TrimLeft(line, " \t")
		if _, _, own := ownLine(text); own || text != "" && text[0] != '#' {
			continue
		}
		found := false
		for i := range lines {
			if lines[i] == line {
				lines, found = lines[i+1:], true
				break
			}
		}
		if !found {
			t.Fatalf("line %q is lost:\n%s\n---\n%s", line, current, out)
		}
	}
}

// nastyWords are words that a writer without quoting would damage.
var nastyWords = []string{
	"plain", "with space", `quo"te`, "it's", `back\slash`, "new\nline", "tab\there", "nul\x00byte", "\x7f",
	"é", "\xff\xfe", "#hash", "hex:00", `\x41`, " lead", "trail ", "a=b", "[x]", "'''", `"""`, "\u2028", "-", "*",
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func maybe(r *rand.Rand, s string) string {
	if r.IntN(2) == 0 {
		return ""
	}
	return s
}

func randomID(r *rand.Rand) monitor.RunID {
	return monitor.RunID(fmt.Sprintf("%040x", r.Uint64()))
}

func randomAddr(r *rand.Rand, names bool) monitor.Addr {
	port := r.IntN(65536)
	ip := pick(r, []string{"10.0.0.%d", "fd00::%x", "192.168.1.%d"})
	ip = fmt.Sprintf(ip, 1+r.IntN(250))
	switch {
	case names && r.IntN(3) == 0:
		return monitor.Addr{Host: fmt.Sprintf("host%d.example", r.IntN(100)), IP: maybe(r, ip), Port: port}
	case r.IntN(5) == 0: // resolved once, or names switched off while running
		return monitor.Addr{Host: "name.example", IP: ip, Port: port}
	}
	return monitor.Addr{Host: ip, IP: ip, Port: port}
}

// randomState returns a state as a core could hand it out, also one that no
// file can hold as it is.
func randomState(r *rand.Rand, format Format) monitor.State {
	st := monitor.State{
		CurrentEpoch: monitor.Epoch(r.Uint64N(20)),
		Options: monitor.Options{
			AnnounceIP:           maybe(r, pick(r, []string{"10.0.0.9", "FE80::A", "fe80::1%eth0", "sentinel_1.", "é", "010.1"})),
			AnnouncePort:         r.IntN(2) * r.IntN(65536),
			ResolveHostnames:     r.IntN(2) == 0,
			AnnounceHostnames:    r.IntN(2) == 0,
			SentinelUser:         maybe(r, pick(r, nastyWords)),
			SentinelPass:         maybe(r, pick(r, nastyWords)),
			AllowScriptsReconfig: r.IntN(2) == 0,
			Guards:               randomGuards(r),
		},
	}
	if r.IntN(3) > 0 {
		st.Options.MyID = randomID(r)
	}
	if r.IntN(10) == 0 {
		st.CurrentEpoch = ^monitor.Epoch(0) - monitor.Epoch(r.Uint64N(3))
	}
	names := []string{"m1", "m2", "my master", "é", `q"'`, "\xff", "a\nb", "#m"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:r.IntN(5)] {
		st.Masters = append(st.Masters, randomMaster(r, name, &st, format))
	}
	return st
}

func randomGuards(r *rand.Rand) monitor.Guards {
	mode := func() monitor.GuardMode { return monitor.GuardMode(r.IntN(4)) }
	return monitor.Guards{ReturnFence: mode(), IsolationFence: mode(), Lineage: mode(), ForeignNode: mode(), Advertised: mode(), Refusal: mode()}
}

func randomMaster(r *rand.Rand, name string, st *monitor.State, format Format) *monitor.MasterState {
	names := st.Options.ResolveHostnames
	unit := time.Millisecond
	if format == FormatTOML {
		unit = time.Microsecond
	}
	m := monitor.MasterState{
		MasterConfig: monitor.MasterConfig{
			Name: name, Addr: randomAddr(r, names), Quorum: 1 + r.IntN(5),
			DownAfter:            time.Duration(r.IntN(3)*r.IntN(100000)) * unit,
			FailoverTimeout:      time.Duration(r.IntN(2)*r.IntN(1e6)) * unit,
			ParallelSyncs:        r.IntN(4),
			AuthUser:             maybe(r, pick(r, nastyWords)),
			AuthPass:             maybe(r, pick(r, nastyWords)),
			NotificationScript:   maybe(r, pick(r, nastyWords)),
			ClientReconfigScript: maybe(r, pick(r, nastyWords)),
			RebootDownAfter:      time.Duration(r.IntN(2)*r.IntN(1000)) * unit,
			NeverLead:            format == FormatTOML && r.IntN(2) == 0,
			PlannedFailover:      monitor.PlannedFailover(r.IntN(2)),
			HoldUnconfirmed:      r.IntN(2) == 0,
			EmptyPromotionGrace:  time.Duration(r.IntN(2)*r.IntN(1e6)) * unit,
			AcceptEmpty:          r.IntN(2) == 0,
			DownAfterRefused:     time.Duration(r.IntN(2)*r.IntN(1e6)) * unit,
			ReplicaExpire:        time.Duration(r.IntN(2)*r.IntN(1e6)) * unit,
			Guards:               randomGuards(r),
		},
		ConfigEpoch: monitor.Epoch(r.Uint64N(25)),
		LeaderEpoch: monitor.Epoch(r.Uint64N(25)),
		VoteUnknown: r.IntN(4) == 0,
	}
	if r.IntN(2) == 0 {
		if r.IntN(2) == 0 {
			m.Pause = monitor.FailoverPause{
				Version: 1 + r.Uint64N(1<<62), By: randomID(r), Until: 1 + r.Int64N(1<<50), Resumed: r.IntN(2) == 0, Reason: maybe(r, `a "new" kernel, #2`),
			}
		}
		m.Lineage = lineage(string(maybe(r, string(randomID(r)))), r.Uint64(), r.IntN(2) == 0, r.IntN(2) == 0)
		if r.IntN(2) == 0 {
			m.Lineage = grownFrom(m.Lineage, string(randomID(r)), r.Uint64())
		}
	}
	for i := range r.IntN(3) {
		m.Rename = m.Rename.With([]string{"CONFIG", "PING", "slaveof"}[i], pick(r, nastyWords))
	}
	for range r.IntN(5) {
		m.Replicas = append(m.Replicas, randomAddr(r, names))
	}
	for range r.IntN(5) {
		m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: randomAddr(r, names), ID: randomID(r)})
	}
	if r.IntN(4) == 0 { // what a confused peer might have caused
		m.Replicas = append(m.Replicas, m.Addr, monitor.Addr{}, randomAddr(r, names))
		m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: randomAddr(r, names), ID: st.Options.MyID},
			monitor.KnownSentinel{Addr: randomAddr(r, names), ID: "short"})
	}
	return &m
}

// randomConf returns what may stand in a file: the lines of an earlier state,
// comments, and things that only an operator writes, shuffled.
func randomConf(r *rand.Rand) string {
	doc, _ := Parse(nil, pureSource(FormatConf))
	lines := strings.Split(string(doc.Render(nil, randomState(r, FormatConf))), "\n")
	for range r.IntN(10) {
		lines = append(lines, pick(r, []string{
			"# a comment", "", "   # indented", "\t", "timeout 5", "loglevel debug", "SENTINEL CAN-FAILOVER m1 yes",
			"sentinel known-slave m1 10.0.0.1 1", "requirepass x", "tls-port 6380", "nonsense 1 2", `broken "quote`, "# ??? old",
			"sentinel foo bar", "sentinel monitor", "dir /elsewhere", "user alice on", "include other.conf", "\x00", "port 7", "port 8",
		}))
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return strings.Join(lines, "\n")
}

func TestLawsConf(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		src := pureSource(FormatConf)
		if r.IntN(3) == 0 {
			src.Overrides = []string{"port 99", `requirepass "p w"`, "user bob on", "maxclients 9", "dir rel"}
		}
		current := []byte(randomConf(r))
		doc, _ := Parse(current, src) // its mistakes are part of the game
		checkLaws(t, doc, current, randomState(r, FormatConf))
	}
}

func TestLawsTOML(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		src := pureSource(FormatTOML)
		src.Resolve = func(string) (string, error) { return "10.9.9.9", nil }
		operator := randomTOML(r)
		doc, err := Parse([]byte(operator), src)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, operator)
		}
		st := randomState(r, FormatTOML)
		checkLaws(t, doc, []byte(operator), st)

		// The same, through what Parse makes of the whole.
		src.keepNames = true
		got := mustParse(t, string(doc.Render([]byte(operator), st)), src).State
		if err := compareStates(got, fileState(st), FormatTOML); err != nil {
			t.Fatalf("seed %d: %v\n%s\nwant\n%s\ngot\n%s", seed, err, doc.Render([]byte(operator), st), describe(fileState(st)), describe(got))
		}
	}
}

func randomTOML(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(pick(r, []string{"", "# comment\n", "\n\n", "[server]\nport = 5\n"}))
	if r.IntN(2) == 0 {
		b.WriteString("[sentinel]\nannounce-port = 9\nresolve-hostnames = true\n")
	}
	for _, name := range []string{"m1", "m2", "é"} {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "[[master]]\nname = %q\nhost = %q\nport = %d\nquorum = 2\n", name,
				pick(r, []string{"10.0.0.1", "::1", "name.example"}), r.IntN(65536))
			b.WriteString(pick(r, []string{"", "auth-pass = \"x\"\n", "rename-command = { CONFIG = \"c\" }\n", "down-after = \"5s\"\n", "can-failover = false"}))
			b.WriteString("\n")
		}
	}
	return strings.TrimSuffix(b.String(), pick(r, []string{"", "\n"}))
}

// TestEveryStateCanBeSaved: values that cannot come from a file must not make
// saving impossible, because then this Sentinel could vote no more.
func TestEveryStateCanBeSaved(t *testing.T) {
	var all strings.Builder
	for i := range 256 {
		all.WriteByte(byte(i))
	}
	st := monitor.State{
		Options: monitor.Options{SentinelPass: all.String(), SentinelUser: all.String()},
		Masters: []*monitor.MasterState{{MasterConfig: monitor.MasterConfig{
			Name: all.String(), Quorum: math.MaxInt, ParallelSyncs: math.MaxInt, FailoverTimeout: math.MaxInt64, Addr: monitor.Addr{Host: "unresolved.example", Port: 1},
			AuthPass: all.String(), DownAfter: 1, Rename: monitor.NewRenameTable(monitor.Renamed{From: all.String(), To: all.String()}),
		}}},
	}
	for _, format := range []Format{FormatConf, FormatTOML} {
		checkLaws(t, mustParse(t, "", pureSource(format)), nil, st)
	}
}

// TestUsersLaw: whatever users are saved into whatever a file says of users, the
// next start finds exactly those.
func TestUsersLaw(t *testing.T) {
	names := []string{"a", "b", "it's", `q"`, "default", "\xff"}
	rules := []string{"on", "off", ">x", "#x", "+ping", "-@all", "nopass", `&"`, "~\x01", `(+ping "&a")`}
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 11))
		user := func() []string {
			words := []string{pick(r, names)}
			for range r.IntN(4) {
				words = append(words, pick(r, rules))
			}
			return words
		}
		src := pureSource(pick(r, []Format{FormatConf, FormatTOML}))
		src.Include, src.CheckUsers = goldenInclude, func(s Settings) ([]string, []error) {
			normal, _ := goldenUsers(s)
			return normal, nil
		}
		open := "user " + pick(r, []string{openDefaultUser, impliedUser(&Settings{})}) + "\n"
		head := pick(r, []string{"", "requirepass x\n", open, "loglevel debug\n"}) + pick(r, []string{"", "include users.conf\n", generatedMarker + "\n"})
		lines, list := "", []string{}
		for range r.IntN(4) {
			words := user()
			lines += joinArgs(append([]string{"user"}, words...)...) + "\n"
			if !slices.ContainsFunc(list, func(text string) bool { return userName(text) == words[0] }) { // else an error
				list = append(list, joinArgs(words...))
			}
		}
		text := head + lines + pick(r, []string{"", open})
		if src.Format == FormatTOML {
			text = "[server]\n" + pick(r, []string{"", "requirepass = \"x\"\n"}) + "user = " + tomlStrings(list) + "\n"
		}
		live := Live{LogLevel: pick(r, []string{"", "notice", "warning"}), Users: [][]string{}}
		taken := map[string]bool{}
		for range r.IntN(4) {
			if words := user(); !taken[words[0]] {
				taken[words[0]] = true
				live.Users = append(live.Users, words)
			}
		}
		if !taken[defaultUser] { // it always exists
			set := Settings{RequirePass: pick(r, []string{"", "x", "y"})}
			live.Users = append(live.Users, strings.Fields(impliedUser(&set)))
		}
		doc := mustParse(t, text, src).With(live)
		out := doc.Render([]byte(text), monitor.State{})
		if err := doc.Verify(out, monitor.State{}); err != nil {
			t.Fatalf("seed %d: %v\n%s\n---\n%s\n%q", seed, err, text, out, live.Users)
		}
		if again := doc.Render(out, monitor.State{}); !bytes.Equal(again, out) {
			t.Fatalf("seed %d: Render is not idempotent:\n%s\n---\n%s\n---\n%s", seed, text, out, again)
		}
		checkUsersAre(t, mustParse(t, string(out), src), live, fmt.Sprintf("seed %d:\n%s\n---\n%s", seed, text, out))
	}
}

// checkUsersAre compares the users of a loaded file with those that were saved.
func checkUsersAre(t *testing.T, doc *Document, live Live, where string) {
	t.Helper()
	got := map[string]string{defaultUser: impliedUser(&doc.Settings)}
	normal, _ := goldenUsers(doc.Settings)
	for _, text := range normal {
		text = strings.Replace(text, "default reset on nopass", "default on nopass", 1)
		got[userName(text)] = withoutSanitize(text)
	}
	got[defaultUser] = withoutSanitize(got[defaultUser])
	delete(got, "inc") // of the included file, which a save cannot change
	delete(got, "twice")
	want := map[string]string{}
	for _, words := range live.Users {
		text, _ := goldenUsers(Settings{Users: []string{joinArgs(words...)}})
		want[words[0]] = withoutSanitize(text[0])
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%s\n got %q\nwant %q", where, got, want)
	}
	if live.LogLevel != "" && doc.Settings.LogLevel != live.LogLevel {
		t.Fatalf("%s\nlog level %s, want %s", where, doc.Settings.LogLevel, live.LogLevel)
	}
}
