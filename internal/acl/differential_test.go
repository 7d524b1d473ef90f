package acl

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOracleTable proves that the tests' command table is that of redis-sentinel.
func TestOracleTable(t *testing.T) {
	o := startOracle(t)
	l := newList(t, Options{})
	if got, want := Categories(), texts(t, o.do("ACL", "CAT")); !slices.Equal(got, want) {
		t.Errorf("categories\n%q\nwant\n%q", got, want)
	}
	for _, category := range Categories() {
		got, _ := l.CommandsIn(category)
		want := texts(t, o.do("ACL", "CAT", category))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("commands in %s\n%q\nwant\n%q", category, got, want)
		}
	}
}

// TestOracleRules gives random rules to redis-sentinel 7.0.15 and to this
// package, and compares the replies, how users are shown, and what they may do.
func TestOracleRules(t *testing.T) {
	for _, config := range []string{"acl-pubsub-default resetchannels", "acl-pubsub-default allchannels"} {
		t.Run(config, func(t *testing.T) {
			o := startOracle(t, config)
			opt := Options{AllChannels: strings.HasSuffix(config, " allchannels")}
			edits, refused := 0, 0
			for seed := range uint64(250) {
				rnd := rand.New(rand.NewPCG(seed, 2))
				d := &differential{t: t, o: o, l: newList(t, opt)}
				for range 1 + rnd.IntN(6) {
					edits++
					if !d.edit(randomRules(rnd, 4)) {
						refused++
					}
				}
				d.compare()
				o.do("ACL", "DELUSER", "u", "copy")
				if t.Failed() {
					t.Fatalf("at seed %d, after %q", seed, d.history)
				}
			}
			if refused == 0 || refused > edits*2/3 {
				t.Errorf("%d of %d edits were refused: the vocabulary is no good", refused, edits)
			}
		})
	}
}

type differential struct {
	t       *testing.T
	o       *oracle
	l       *List
	history [][]string
}

// edit changes the user on both sides and reports whether the edit was accepted.
func (d *differential) edit(rules []string) bool {
	d.history = append(d.history, rules)
	want := d.o.do(append([]string{"ACL", "SETUSER", "u"}, rules...)...)
	var got any = "OK"
	if _, err := d.l.SetUser("u", rules...); err != nil {
		got = wireError("ERR " + err.Error())
	}
	if got != want && !knownErrorText(got, want) {
		d.t.Errorf("ACL SETUSER u %q\n got %s\nwant %s", rules, got, want)
	}
	return got == "OK"
}

// knownErrorText: when a selector opens inside an open one, 7.0.15 forgets the
// words of the outer one, so they are missing from its error.
func knownErrorText(got, want any) bool {
	g, bad := got.(wireError)
	w, also := want.(wireError)
	if !bad || !also {
		return false
	}
	_, mine, _ := strings.Cut(string(g), " modifier '")
	_, stock, _ := strings.Cut(string(w), " modifier '")
	return mine != "" && stock != "" && strings.Count(mine, "(") > strings.Count(stock, "(") && strings.HasSuffix(mine, stock)
}

func (d *differential) compare() {
	got, known := d.l.View("u")
	reply := d.o.do("ACL", "GETUSER", "u")
	if (reply != nil) != known {
		d.t.Errorf("the user exists: %v, want %v", known, !known)
	}
	if reply == nil || !known {
		return
	}
	want := userView(d.t, reply)
	if loose(got) != loose(want) {
		d.t.Errorf("ACL GETUSER\n got %s\nwant %s", loose(got), loose(want))
	}
	d.sameCommands(want)
	d.sameVerdicts()
}

// sameCommands loads each side's rules on the other side. Since 7.2, first
// arguments are shown in lower case; their case has no meaning.
func (d *differential) sameCommands(want UserView) {
	mine := strings.Split(line(d.t, d.l, "u"), " ")
	if reply := d.o.do(append([]string{"ACL", "SETUSER", "copy", "reset", "resetchannels"}, mine...)...); reply != "OK" {
		d.t.Errorf("our rules %q: %v", mine, reply)
	}
	copied := userView(d.t, d.o.do("ACL", "GETUSER", "copy"))
	if !strings.EqualFold(copied.Commands, want.Commands) {
		d.t.Errorf("our rules %q mean\n%s\nwant\n%s", mine, copied.Commands, want.Commands)
	}
	for i := range min(len(copied.Selectors), len(want.Selectors)) {
		if !strings.EqualFold(copied.Selectors[i].Commands, want.Selectors[i].Commands) {
			d.t.Errorf("our rules %q: selector %d means\n%s\nwant\n%s", mine, i, copied.Selectors[i].Commands, want.Selectors[i].Commands)
		}
	}
	for _, stock := range texts(d.t, d.o.do("ACL", "LIST")) {
		// 7.0.15 shows %RW~* as ~*, after which another pattern is an error.
		if rest, ok := strings.CutPrefix(stock, "user u "); ok && !strings.Contains(line(d.t, d.l, "u"), "%RW~*") {
			set(d.t, d.l, "stock", append([]string{"reset"}, strings.Split(rest, " ")...)...)
			for _, request := range probes() {
				if one, two := check(d.t, d.l, "u", request), check(d.t, d.l, "stock", request); one.Reason != two.Reason || one.Object != two.Object {
					d.t.Errorf("%q: %v, under the rules of stock %q: %v", request, one, stock, two)
				}
			}
		}
	}
}

func (d *differential) sameVerdicts() {
	requests := probes()
	for _, request := range requests {
		d.o.send(append([]string{"ACL", "DRYRUN", "u"}, d.fitting(request)...)...)
	}
	for _, request := range requests {
		want := d.o.receive()
		if got := check(d.t, d.l, "u", strings.Join(d.fitting(request), " ")).DryRun(); got != newest(fmt.Sprint(want), "u") {
			d.t.Errorf("ACL DRYRUN u %s\n got %s\nwant %v", request, got, want)
		}
	}
}

// fitting shortens or fills a request if its command takes an exact number of
// words, since redis-sentinel checks that before it checks permissions.
func (d *differential) fitting(request string) []string {
	words := strings.Fields(request)
	name := lower(words[0])
	if _, sub := d.l.table.lookup(name + "|" + lower(words[1])); sub {
		name += "|" + lower(words[1])
	} else if cmd, ok := d.l.table.lookup(name); ok && d.l.table.subs[cmd] != nil && name != "command" {
		return []string{name, "help"} // a container without a subcommand is an error
	} else if name == "command" {
		return words[:1]
	}
	n, known := arities[name]
	if !known || len(words) == n {
		return words
	}
	for len(words) < n {
		words = append(words, "x")
	}
	return words[:n]
}

// arities lists the commands that take an exact number of words.
var arities = map[string]int{
	"acl|getuser": 3, "acl|help": 2, "acl|list": 2, "acl|load": 2, "acl|save": 2, "acl|users": 2, "acl|whoami": 2,
	"client|caching": 3, "client|getname": 2, "client|getredir": 2, "client|help": 2, "client|id": 2, "client|info": 2,
	"client|no-evict": 3, "client|reply": 3, "client|setname": 3, "client|trackinginfo": 2, "client|unpause": 2,
	"command|count": 2, "command|help": 2, "publish": 3, "role": 1,
	"sentinel|ckquorum": 3, "sentinel|failover": 3, "sentinel|flushconfig": 2, "sentinel|get-master-addr-by-name": 3,
	"sentinel|help": 2, "sentinel|is-master-down-by-addr": 6, "sentinel|master": 3, "sentinel|masters": 2, "sentinel|monitor": 6,
	"sentinel|myid": 2, "sentinel|pending-scripts": 2, "sentinel|remove": 3, "sentinel|replicas": 3, "sentinel|reset": 3,
	"sentinel|sentinels": 3, "sentinel|slaves": 3,
}

// TestOracleDifferences proves each intended difference on both sides: what
// redis-sentinel 7.0.15 does, and what this package does instead.
func TestOracleDifferences(t *testing.T) {
	o := startOracle(t)
	for _, c := range []struct {
		why         string
		rules       []string
		stock, ours string // what ACL LIST shows, or the error
	}{
		{"since 7.2 new users show sanitize-payload", nil,
			"off resetchannels -@all",
			"off sanitize-payload resetchannels -@all"},
		{"since 7.2 rules of commands are shown as given, in lower case", []string{"reset", "+@all", "-INFO", "+info", "-ping", "+ping|A"},
			"off sanitize-payload resetchannels +@all -ping +ping|A",
			"off sanitize-payload resetchannels +@all +info -ping +ping|a"},
		{"a blank in a first argument is lost in files", []string{"reset", "+ping|a b"},
			"off sanitize-payload resetchannels -@all +ping|a b",
			"Error in ACL SETUSER modifier '+ping|a b': Syntax error"},
		{"unbalanced quotes lose all rules of a selector", []string{"reset", `("+info)`},
			"off sanitize-payload resetchannels -@all (resetchannels -@all)",
			`Error in ACL SETUSER modifier '("+info)': Syntax error`},
		{"a quote in a selector does not load again", []string{"reset", `("~a\"b")`},
			`off sanitize-payload resetchannels -@all (~a"b resetchannels -@all)`,
			`off sanitize-payload resetchannels -@all ("~a\"b" resetchannels -@all)`},
		{"behind a parenthesis in a selector a file goes on outside of it", []string{"reset", "(~a) +info)"},
			"off sanitize-payload resetchannels -@all (~a) resetchannels -@all +info)",
			`off sanitize-payload resetchannels -@all ("~a)" resetchannels -@all +info)`},
		{"behind ~* no pattern may stand", []string{"reset", "%RW~*", "~a"},
			"off sanitize-payload ~* ~a resetchannels -@all",
			"off sanitize-payload %RW~* ~a resetchannels -@all"},
		{"a selector that opens in a selector makes the outer one vanish", []string{"reset", "(+ping", "(+info", "~a)"},
			"off sanitize-payload resetchannels -@all (~a resetchannels -@all +info)",
			"Error in ACL SETUSER modifier '(+ping (+info ~a)': Syntax error"},
	} {
		l := newList(t, Options{})
		_, err := l.SetUser("u", c.rules...)
		ours := ""
		if err != nil {
			ours = err.Error()
		} else {
			ours = line(t, l, "u")
		}
		stock := fmt.Sprint(o.do(append([]string{"ACL", "SETUSER", "u"}, c.rules...)...))
		if stock == "OK" {
			stock = strings.TrimPrefix(texts(t, o.do("ACL", "LIST"))[1], "user u ")
		}
		if ours != c.ours || stock != c.stock {
			t.Errorf("%s: %q\nours  %s\n want %s\nstock %s\n want %s", c.why, c.rules, ours, c.ours, stock, c.stock)
		}
		o.do("ACL", "DELUSER", "u")
	}
}

// TestOracleFile loads files on both sides and compares the errors and the
// resulting users. Then it loads the file that we write into redis-sentinel.
func TestOracleFile(t *testing.T) {
	o := startOracle(t, "aclfile "+aclFile)
	path := filepath.Join(o.dir, aclFile)
	files := []string{
		"", "\n\n \t\n", "user bob on", "user bob on\r\nuser eve off\r\n", "  user bob on  >a   +info \t\n", "user bob on\t +info\n",
		"user bob on +get -set\n", "user bob on ~* ~a ~b >x +get\n", "# note\nuser bob on\n", "USER bob on\n", "user\n", "user \n", "user\tbob on\n",
		"user  on\n", "user  x on\n", "user bob on\nuser bob off\n", "user a +get\nuser a on\n", "user bo\tb on\n", `user "bob" on ~"a"` + "\n",
		"user bob on (+ping ~a) (  &b   +info )\n", "user bob (on)\n", "user bob (~a) +info)\n", `user bob ("~x" +info)` + "\n",
		// Our connection is the default user's, so that user must keep its
		// rights.
		"user default on nopass +@all -role &a\n", "user default off +@all >a\nuser z\n", "foo\nuser a +@nope\n\nuser b ~* ~a\n",
		"user bob #" + hashA + " <a\n", "user bob <a\n", "user bob on nope nope2\n",
	}
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		text := ""
		for i := range 1 + rnd.IntN(3) {
			words := randomRules(rnd, 3)
			if _, _, ok := mergeSelectors(words); ok { // 7.0.15 crashes on an open parenthesis
				text += fmt.Sprintf("user u%d %s\n", i*rnd.IntN(4), strings.Join(words, " "))
			}
		}
		files = append(files, text)
	}
	loaded := 0
	for _, text := range files {
		l := newList(t, Options{})
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.Load(path, []byte(text))
		got, want := any("OK"), o.do("ACL", "LOAD")
		if err != nil {
			got = wireError("ERR " + strings.ReplaceAll(err.Error(), path, aclFile))
		}
		want = strings.ReplaceAll(fmt.Sprint(want), path, aclFile)
		if fmt.Sprint(got) != want {
			t.Errorf("%q\n got %v\nwant %v", text, got, want)
		}
		if err != nil || t.Failed() {
			continue
		}
		loaded++
		sameUsers(t, o, l)
		if err := os.WriteFile(path, l.Render(), 0o600); err != nil {
			t.Fatal(err)
		}
		if reply := o.do("ACL", "LOAD"); reply != "OK" {
			t.Errorf("our file %q: %v", l.Render(), reply)
		}
		sameUsers(t, o, l)
	}
	if loaded < 30 || loaded > len(files)-20 {
		t.Errorf("%d of %d files loaded", loaded, len(files))
	}
}

func sameUsers(t *testing.T, o *oracle, l *List) {
	t.Helper()
	if got, want := l.Users(), texts(t, o.do("ACL", "USERS")); !slices.Equal(got, want) {
		t.Errorf("users %q, want %q", got, want)
		return
	}
	for _, name := range l.Users() {
		got, _ := l.View(name)
		if want := userView(t, o.do("ACL", "GETUSER", name)); loose(got) != loose(want) {
			t.Errorf("ACL GETUSER %s\n got %s\nwant %s", name, loose(got), loose(want))
		}
	}
}

// TestOracleLogin compares which users can log in, and what is logged when one
// cannot.
func TestOracleLogin(t *testing.T) {
	o := startOracle(t)
	l := newList(t, Options{LogMaxEntries: 128})
	rnd := rand.New(rand.NewPCG(4, 4))
	rules := []string{"on", "off", "nopass", "resetpass", ">a", ">b", "<a", "<b", "reset", ">", "#" + hashA}
	names := []string{"u", "v", "nobody"}
	logins := 0
	for range 400 {
		if name := names[rnd.IntN(2)]; rnd.IntN(2) == 0 {
			rule := rules[rnd.IntN(len(rules))]
			o.do("ACL", "SETUSER", name, rule)
			_, _ = l.SetUser(name, rule)
		}
		command, name, password := []string{"AUTH", "auth"}[rnd.IntN(2)], names[rnd.IntN(3)], []string{"a", "b", ""}[rnd.IntN(3)]
		c := o.dial(t)
		want := c.do(command, name, password)
		_ = c.conn.Close()
		got := any("OK")
		if _, err := l.Authenticate(name, password); err != nil {
			got = wireError(err.Error())
			l.LogAuthFailure(testTime, command, name, "")
		} else {
			logins++
		}
		if got != want {
			t.Fatalf("AUTH %s %q: %v, want %v", name, password, got, want)
		}
	}
	if logins < 30 || logins > 370 {
		t.Errorf("%d of 400 could log in", logins)
	}
	compareLogs(t, o, l)
}

// TestOracleLog compares the log of refused commands, its order and grouping.
func TestOracleLog(t *testing.T) {
	for _, most := range []int{0, 5, 128} {
		o := startOracle(t, fmt.Sprint("acllog-max-len ", most))
		l := newList(t, Options{LogMaxEntries: most})
		users := map[string]*client{}
		for name, words := range map[string]string{"u": "on nopass +subscribe|a +psubscribe &a &b* +@connection", "v": "on nopass +role|x (+sentinel|masters &z +psubscribe)"} {
			o.do(append([]string{"ACL", "SETUSER", name}, strings.Fields(words)...)...)
			set(t, l, name, strings.Fields(words)...)
			users[name] = o.dial(t)
			users[name].do("AUTH", name, "")
		}
		requests := []string{"ping", "INFO", "info all", "role", "sentinel masters", "SENTINEL master x", "publish a b", "subscribe c", "psubscribe x y",
			"psubscribe y x", "client list", "client id", "acl whoami", "command", "command count", "shutdown", "sentinel myid", "unsubscribe"}
		rnd := rand.New(rand.NewPCG(5, uint64(most)))
		for range 300 {
			name, request := []string{"u", "v"}[rnd.IntN(2)], requests[rnd.IntN(len(requests))]
			d := check(t, l, name, request)
			if reply, refused := users[name].do(strings.Fields(request)...).(wireError); refused != d.Denied() {
				t.Fatalf("%s: %s: %v, want %v", name, request, d, reply)
			}
			l.LogDenial(testTime, d, "")
		}
		if most == 128 && len(l.Log(100)) < 12 {
			t.Errorf("only %d entries", len(l.Log(100)))
		}
		compareLogs(t, o, l)
	}
}

func compareLogs(t *testing.T, o *oracle, l *List) {
	t.Helper()
	var got, want []string
	for _, e := range l.Log(1000) {
		got = append(got, fmt.Sprintf("%d %v %s %s", e.Count, e.Reason, e.Object, e.User))
	}
	for _, e := range o.do("ACL", "LOG", "1000").([]any) {
		m := texts(t, e)
		want = append(want, fmt.Sprintf("%s %s %s %s", m[1], m[3], m[7], m[9]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("log\n got %q\nwant %q", got, want)
	}
}

// TestOracleEnds compares which connections an edit ends.
func TestOracleEnds(t *testing.T) {
	o := startOracle(t)
	rules := strings.Fields("resetchannels resetchannels resetchannels &a* &b &c &* &a (&a*) (&b) (&*) (+ping) clearselectors reset off -@all +@all")
	subscriptions := []struct{ channels, patterns []string }{
		{}, {channels: []string{"a"}}, {channels: []string{"ab", "b"}}, {patterns: []string{"a*"}}, {patterns: []string{"b"}}, {[]string{"b"}, []string{"a*"}},
	}
	ended, stayed := 0, 0
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		l := newList(t, Options{})
		before := []string{"on", "nopass", "+@all", "&a*", "&b"}
		if seed%3 == 0 {
			before = []string{"on", "nopass", "+@all", "&*"}
		}
		set(t, l, "u", before...)
		o.do(append([]string{"ACL", "SETUSER", "u"}, before...)...)
		u, _ := l.User("u")
		clients := make([]*client, len(subscriptions))
		for i, s := range subscriptions {
			clients[i] = o.dial(t)
			clients[i].do("AUTH", "u", "")
			for _, name := range s.channels {
				clients[i].do("SUBSCRIBE", name)
			}
			for _, name := range s.patterns {
				clients[i].do("PSUBSCRIBE", name)
			}
		}
		var edit []string
		for range 1 + rnd.IntN(4) {
			edit = append(edit, rules[rnd.IntN(len(rules))])
		}
		change, err := l.SetUser("u", edit...)
		if reply := o.do(append([]string{"ACL", "SETUSER", "u"}, edit...)...); (reply == "OK") != (err == nil) {
			t.Fatalf("%q: %v, want %v", edit, err, reply)
		}
		for i, s := range subscriptions {
			clients[i].send("PING")
			_, closed := clients[i].read()
			_ = clients[i].conn.Close()
			if got := change.Ends(u, s.channels, s.patterns); got != (closed != nil) {
				t.Errorf("%q, then %q: subscribed to %q %q: ends %v, want %v", before, edit, s.channels, s.patterns, got, closed)
			}
			if closed != nil {
				ended++
			} else {
				stayed++
			}
		}
		o.do("ACL", "DELUSER", "u")
	}
	if ended < 50 || stayed < 50 {
		t.Errorf("%d ended, %d stayed: the scenes are no good", ended, stayed)
	}
}
