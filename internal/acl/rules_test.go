package acl

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const (
	hashA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of "a"
	hashB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" // of "b"
)

func TestRules(t *testing.T) {
	for _, c := range []struct{ rules, want string }{
		{"", "off sanitize-payload resetchannels -@all"},
		{"ON NoPass", "on nopass sanitize-payload resetchannels -@all"},
		{"on off", "off sanitize-payload resetchannels -@all"},
		{"skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
		{"skip-sanitize-payload sanitize-payload", "off sanitize-payload resetchannels -@all"},

		{">a >b >a", "off sanitize-payload #" + hashA + " #" + hashB + " resetchannels -@all"},
		{"#" + hashA + " <a", "off sanitize-payload resetchannels -@all"},
		{">a >b !" + hashA, "off sanitize-payload #" + hashB + " resetchannels -@all"},
		{">a nopass", "off nopass sanitize-payload resetchannels -@all"},
		{"nopass >a", "off sanitize-payload #" + hashA + " resetchannels -@all"},
		{"nopass >a resetpass", "off sanitize-payload resetchannels -@all"},
		{"nopass resetpass", "off sanitize-payload resetchannels -@all"},

		{"~a ~b ~a", "off sanitize-payload ~a ~b resetchannels -@all"},
		{"%R~a %w~a %rW~c %R~d %W~e", "off sanitize-payload ~a ~c %R~d %W~e resetchannels -@all"},
		{"~a ALLKEYS", "off sanitize-payload ~* resetchannels -@all"},
		{"~* resetkeys ~b", "off sanitize-payload ~b resetchannels -@all"},
		{"%RW~* ~b %R~*", "off sanitize-payload %RW~* ~b resetchannels -@all"},
		{"~ %R", "off sanitize-payload ~ resetchannels -@all"},
		{"~a~b", "off sanitize-payload ~a~b resetchannels -@all"},

		{"&a &b* &a", "off sanitize-payload resetchannels &a &b* -@all"},
		{"&a &*", "off sanitize-payload &* -@all"},
		{"allchannels resetchannels &x", "off sanitize-payload resetchannels &x -@all"},

		{"+ping -INFO +Sentinel|Masters", "off sanitize-payload resetchannels -@all +ping -info +sentinel|masters"},
		{"+@all -@Admin +ping", "off sanitize-payload resetchannels +@all -@admin +ping"},
		{"+ping allcommands", "off sanitize-payload resetchannels +@all"},
		{"+ping NOCOMMANDS +info", "off sanitize-payload resetchannels -@all +info"},
		{"+ping -ping +ping -info", "off sanitize-payload resetchannels -@all +ping -info"},
		{"+sentinel|masters +sentinel|set -sentinel", "off sanitize-payload resetchannels -@all -sentinel"},
		{"+sentinel -sentinel|set +sentinel|set", "off sanitize-payload resetchannels -@all +sentinel +sentinel|set"},
		{"+@fast -@slow +@fast", "off sanitize-payload resetchannels -@all -@slow +@fast"},
		{"+ping|HeLLo +ping|x +ping|hello", "off sanitize-payload resetchannels -@all +ping|x +ping|hello"},
		{"+ping|x -ping", "off sanitize-payload resetchannels -@all -ping"},

		{"(+ping &a) ~k ()", "off sanitize-payload ~k resetchannels -@all (resetchannels &a -@all +ping) (resetchannels -@all)"},
		{"( +ping  ~k )", "off sanitize-payload resetchannels -@all (~k resetchannels -@all +ping)"},
		{"(+ping) clearselectors (+info)", "off sanitize-payload resetchannels -@all (resetchannels -@all +info)"},
		{"(~* &* +@all)", "off sanitize-payload resetchannels -@all (~* &* +@all)"},
		{`("~a" '&b' "+in\x66o")`, "off sanitize-payload resetchannels -@all (~a resetchannels &b -@all +info)"},
		{`("~a\"b" ~c\d)`, `off sanitize-payload resetchannels -@all ("~a\"b" ~c\d resetchannels -@all)`},
		{`('~it\'s' ~{a(b)} ~c)`, `off sanitize-payload resetchannels -@all ("~it's" ~{a(b)} ~c resetchannels -@all)`},
		{`("~a)" +info)`, `off sanitize-payload resetchannels -@all ("~a)" resetchannels -@all +info)`},
		{`("~\x4Ax\q" "~\xZ" '~\n')`, `off sanitize-payload resetchannels -@all (~Jxq ~xZ ~\n resetchannels -@all)`},
		{"on nopass ~* &* +@all (+ping) >a reset", "off sanitize-payload resetchannels -@all"},
	} {
		l := newList(t, Options{})
		set(t, l, "u", strings.Split(c.rules, " ")...)
		if got := line(t, l, "u"); got != c.want {
			t.Errorf("%s\ngives %s\n want %s", c.rules, got, c.want)
		}
	}
}

func TestBadRules(t *testing.T) {
	const modifier = "Error in ACL SETUSER modifier '%s': %v"
	for _, c := range []struct {
		rules []string
		at    string // the rule that the error names
		err   error
	}{
		{[]string{"+get"}, "+get", ErrUnknownCommand},
		{[]string{"-get"}, "-get", ErrUnknownCommand},
		{[]string{"+"}, "+", ErrUnknownCommand},
		{[]string{"+@"}, "+@", ErrUnknownCommand},
		{[]string{"-@nope"}, "-@nope", ErrUnknownCommand},
		{[]string{"+sentinel|nope"}, "+sentinel|nope", ErrUnknownCommand},
		{[]string{"+sentinel|"}, "+sentinel|", ErrSyntax},
		{[]string{"-sentinel|"}, "-sentinel|", ErrUnknownCommand},
		{[]string{"-ping|x"}, "-ping|x", ErrUnknownCommand},
		{[]string{"+ping|"}, "+ping|", ErrSyntax},
		{[]string{"+ping|a b"}, "+ping|a b", ErrSyntax},
		{[]string{"+ping|a|b"}, "+ping|a|b", ErrUnknownCommand},
		{[]string{"+nope|x"}, "+nope|x", ErrUnknownCommand},
		{[]string{"+|"}, "+|", ErrUnknownCommand},
		{[]string{"+sentinel|masters|x"}, "+sentinel|masters|x", ErrFirstArgOfSub},
		{[]string{"~a b"}, "~a b", ErrSyntax},
		{[]string{"~a\x00"}, "~a\x00", ErrSyntax},
		{[]string{"&a\n"}, "&a\n", ErrSyntax},
		{[]string{"%~a"}, "%~a", ErrSyntax},
		{[]string{"%X~a"}, "%X~a", ErrSyntax},
		{[]string{"%RR~a"}, "%RR~a", ErrSyntax},
		{[]string{"~*", "~a"}, "~a", ErrAllKeys},
		{[]string{"allkeys", "%R~a"}, "%R~a", ErrAllKeys},
		{[]string{"&*", "&a"}, "&a", ErrAllChannels},
		{[]string{"#abc"}, "#abc", ErrBadHash},
		{[]string{"#" + strings.ToUpper(hashA)}, "#" + strings.ToUpper(hashA), ErrBadHash},
		{[]string{"!abc"}, "!abc", ErrBadHash},
		{[]string{"<nope"}, "<nope", ErrNoSuchPassword},
		{[]string{"!" + hashA}, "!" + hashA, ErrNoSuchPassword},
		{[]string{"nope"}, "nope", ErrSyntax},
		{[]string{")"}, ")", ErrSyntax},
		{[]string{"(on)"}, "(on)", ErrSyntax},
		{[]string{"(reset)"}, "(reset)", ErrSyntax},
		{[]string{"(>a)"}, "(>a)", ErrSyntax},
		{[]string{"((+ping)"}, "((+ping)", ErrSyntax},
		{[]string{"(+ping", "(~a)"}, "(+ping (~a)", ErrSyntax},
		{[]string{"(+get)"}, "(+get)", ErrUnknownCommand},
		{[]string{"(~*", "~a)"}, "(~* ~a)", ErrAllKeys},
		{[]string{`("+ping)`}, `("+ping)`, ErrSyntax},
		{[]string{`("+ping"x)`}, `("+ping"x)`, ErrSyntax},
		{[]string{`("")`}, `("")`, ErrSyntax},
		{[]string{`("~a b")`}, `("~a b")`, ErrSyntax},
		{[]string{`("~a\n")`}, `("~a\n")`, ErrSyntax},
		{[]string{"\u212Ain"}, "\u212Ain", ErrSyntax}, // the Kelvin sign is not a k
		{[]string{"all\u212Aeys"}, "all\u212Aeys", ErrSyntax},
	} {
		l := newList(t, Options{})
		set(t, l, "u", "+info", "~k", "(+ping)")
		before := line(t, l, "u")
		rules := append([]string{"on", "nopass", "resetkeys"}, c.rules...)
		_, err := l.SetUser("u", rules...)
		if !errors.Is(err, c.err) || err.Error() != fmt.Sprintf(modifier, c.at, c.err) {
			t.Errorf("%q: %v, want %v about %q", c.rules, err, c.err, c.at)
		}
		if got := line(t, l, "u"); got != before {
			t.Errorf("%q left %q", c.rules, got)
		}
		if _, err := l.SetUser("new", rules...); err == nil || len(l.Users()) != 2 {
			t.Errorf("%q: error %v, users %q", c.rules, err, l.Users())
		}
	}
}

func TestOpenSelector(t *testing.T) {
	l := newList(t, Options{})
	_, err := l.SetUser("u", "on", "(+ping", "~a", "+info")
	if !errors.Is(err, ErrOpenParenthesis) || err.Error() != "Unmatched parenthesis in acl selector starting at '(+ping'." {
		t.Error(err)
	}
	set(t, l, "u", "on", "(+ping", "&a", "", ")", "+info", "(", ")")
	if got := line(t, l, "u"); got != "on sanitize-payload resetchannels -@all +info (resetchannels &a -@all +ping) (resetchannels -@all)" {
		t.Error(got)
	}
}

func TestUserNames(t *testing.T) {
	l := newList(t, Options{})
	for _, name := range []string{"a b", "a\x00", "a\tb", "\n", " "} {
		if _, err := l.SetUser(name); !errors.Is(err, ErrUserName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "User", "user", "\xff\"'", "(a)", "x)"} {
		set(t, l, name, "on", "nopass")
	}
	if got := l.Users(); !slices.Equal(got, []string{"", "(a)", "User", "default", "user", "x)", "\xff\"'"}) {
		t.Errorf("%q", got)
	}
	again := newList(t, Options{})
	if _, err := again.Load("f", l.Render()); err != nil || !slices.Equal(again.Lines(), l.Lines()) {
		t.Errorf("%v, loaded again: %q", err, again.Lines())
	}
}

func TestAllChannelsByDefault(t *testing.T) {
	l := newList(t, Options{AllChannels: true})
	set(t, l, "u", "(+ping)", "(resetchannels)")
	if got := line(t, l, "u"); got != "off sanitize-payload &* -@all (&* -@all +ping) (resetchannels -@all)" {
		t.Error(got)
	}
	set(t, l, "u", "resetchannels", "reset")
	if got := line(t, l, "u"); got != "off sanitize-payload &* -@all" {
		t.Error(got)
	}
}

func TestView(t *testing.T) {
	l := newList(t, Options{})
	set(t, l, "u", "on", ">a", "~k", "%R~l", "&c", "&d", "+@all", "-@admin", "(+ping)")
	v, ok := l.View("u")
	want := UserView{
		Flags: []string{"on", "sanitize-payload"}, Passwords: []string{hashA},
		SelectorView: SelectorView{Commands: "+@all -@admin", Keys: "~k %R~l", Channels: "&c &d"},
		Selectors:    []SelectorView{{Commands: "-@all +ping"}},
	}
	if !ok || fmt.Sprint(v) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", v, want)
	}
	if v, ok := l.View("nope"); ok {
		t.Error(v)
	}
	if got := l.Lines(); got[0] != "user default on nopass sanitize-payload ~* &* +@all" {
		t.Error(got)
	}
}

func TestCommandTable(t *testing.T) {
	for _, bad := range [][]Command{
		{{Name: "ping"}, {Name: "ping"}},
		{{Name: "PING"}},
		{{Name: ""}},
		{{Name: "ping", Categories: []string{"@nope"}}},
		{{Name: "sentinel|masters"}},
	} {
		if _, err := New(bad, Options{}); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
	l := newList(t, Options{})
	if got, ok := l.CommandsIn("PubSub"); !ok || !slices.Equal(got, []string{"psubscribe", "publish", "punsubscribe", "subscribe", "unsubscribe"}) {
		t.Errorf("%q", got)
	}
	if got, ok := l.CommandsIn("keyspace"); !ok || len(got) != 0 {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"nope", "@pubsub", "all", ""} {
		if got, ok := l.CommandsIn(name); ok {
			t.Errorf("%q: %q", name, got)
		}
	}
	if got := Categories(); len(got) != 21 || got[0] != "keyspace" || got[20] != "scripting" {
		t.Errorf("%q", got)
	}
}

// vocabulary holds the rules that random sequences are made of, valid and
// invalid.
var vocabulary = strings.Fields(`on off ON nopass resetpass >a >b <a <b #` + hashA + ` !` + hashB + ` !` + hashA + ` #xyz reset
	sanitize-payload skip-sanitize-payload clearselectors
	~* ~a ~b* %R~a %W~a %RW~b %wr~c %R~* %X~a %R ~ allkeys resetkeys ALLKEYS
	&* &a &a* &[ab] &+switch-master & allchannels resetchannels resetchannels resetchannels
	+@all -@all allcommands nocommands +@fast -@fast +@slow -@slow +@admin -@admin +@dangerous -@dangerous +@pubsub -@pubsub
	+@connection -@connection +@keyspace -@read +@nope +@Fast
	+ping -ping +PING +info -info +sentinel -sentinel +Sentinel|Masters -sentinel|masters +sentinel|help -sentinel|help +sentinel|nope
	+subscribe +subscribe -subscribe +psubscribe -psubscribe +publish -publish +unsubscribe +role -shutdown +client -client|id +client|kill
	+command -command|docs +command|count +acl|whoami -acl +hello -auth +get -set +ping|a +ping|B +info|all -ping|a +sentinel|masters|x
	+publish|__sentinel__:hello +subscribe|a
	(+ping) (+info~a) (~a) () ) (on) (&a) (~*) (resetchannels)`)

// randomRules returns up to n rules. A selector may be one word or several.
func randomRules(rnd *rand.Rand, n int) []string {
	var rules []string
	for range 1 + rnd.IntN(n) {
		if rnd.IntN(5) > 0 {
			rules = append(rules, vocabulary[rnd.IntN(len(vocabulary))])
			continue
		}
		var inner []string
		for range rnd.IntN(4) {
			if word := vocabulary[rnd.IntN(len(vocabulary))]; word[0] != '(' && word[0] != ')' {
				inner = append(inner, word)
			}
		}
		text := "(" + strings.Join(inner, " ") + ")"
		if rnd.IntN(2) == 0 {
			rules = append(rules, text)
		} else {
			rules = append(rules, strings.Split(text, " ")...)
		}
	}
	return rules
}

// TestDescriptionMeansTheSame proves for random users that the rules shown for
// them recreate the same user.
func TestDescriptionMeansTheSame(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l := newList(t, Options{AllChannels: seed%4 == 0})
		for range 1 + rnd.IntN(6) {
			_, _ = l.SetUser("u", randomRules(rnd, 4)...) // errors are expected
		}
		if _, ok := l.User("u"); !ok {
			continue
		}
		other := newList(t, Options{AllChannels: seed%3 == 0})
		set(t, other, "u", strings.Split(line(t, l, "u"), " ")...)
		sameUser(t, l, other, "u")
	}
}

// sameUser compares how a user is shown and what it may do on two lists.
func sameUser(t *testing.T, a, b *List, name string) {
	t.Helper()
	if one, two := line(t, a, name), line(t, b, name); one != two {
		t.Errorf("\n%s\nbecame\n%s", one, two)
	}
	for _, request := range probes() {
		if one, two := check(t, a, name, request), check(t, b, name, request); one != two {
			t.Errorf("%s\n%q: %v, then %v", line(t, a, name), request, one, two)
		}
	}
}

// probes returns requests of every command, those with channels in several forms.
func probes() []string {
	list := []string{"PING a", "ping b", "INFO all", "sentinel MASTERS x",
		"publish a x", "publish b x", "publish __sentinel__:hello m", "subscribe a b", "subscribe b a +switch-master", "subscribe ax", "psubscribe a", "psubscribe a* b",
		"psubscribe [ab]", "psubscribe b +switch-master"}
	for _, c := range stockCommands() {
		list = append(list, strings.ReplaceAll(c.Name, "|", " ")+" x1 x2 x3 x4")
	}
	return list
}

func FuzzRules(f *testing.F) {
	for _, word := range vocabulary {
		f.Add(word)
	}
	f.Add("(+ping (~a) ~b)")
	f.Add(`("~a\"" '&b)' ~c)`)
	f.Add("+ping|x) -@all")
	f.Fuzz(func(t *testing.T, text string) {
		l := newList(t, Options{})
		if _, err := l.SetUser("u", strings.Split(text, " ")...); err != nil {
			if len(l.Users()) != 1 {
				t.Errorf("%q failed (%v) and made a user", text, err)
			}
			return
		}
		loaded := newList(t, Options{AllChannels: true})
		if _, err := loaded.Load("f", l.Render()); err != nil {
			t.Fatalf("%q\nrenders %q: %v", text, l.Render(), err)
		}
		sameUser(t, l, loaded, "u")
		declared := newList(t, Options{})
		for _, d := range l.Declarations() {
			if err := declared.Declare(d[0], d[1:]...); err != nil {
				t.Fatalf("%q\ndeclares %q: %v", text, d, err)
			}
		}
		sameUser(t, l, declared, "u")
	})
}
