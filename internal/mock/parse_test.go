package mock

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMistakesAreNamed(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{"bogus b", `6: there is no statement "bogus" (possible: ` + strings.Join(statementNames(), ", ") + `)`},
		{"promte b", `6: there is no statement "promte" (did you mean "promote"?)`},
		{"promote d", `6: there is no server "d" (possible: a, b, c)`},
		{"promote s1", `6: there is no server "s1" (possible: a, b, c)`},
		{"promote", `6: "promote" is not understood (write: promote SERVER)`},
		{"follow a a", `6: a server cannot follow itself (write: follow SERVER SERVER)`},
		{"say s1,s9 b", `6: there is no Sentinel "s9" (did you mean "s1"?)`},
		{"say servers b", `6: "servers" is nobody here (possible: s1, s2)`},
		{"say s1 10.0.0.1:99999", `6: there is no server "10.0.0.1:99999" (possible: a, b, c)`},
		{"kill x,y", `6: there is no server or Sentinel "x" (possible: a, b, c, s1, s2)` + "\n" + `test:6: there is no server or Sentinel "y" (possible: a, b, c, s1, s2)`},
		{"flag s1 b sdown", `6: there is no flag "sdown" (did you mean "s_down"?)`},
		{"field s1 b flags", `6: "field s1 b flags" is not understood (write: field SENTINELS NODE NAME VALUE)`},
		{"epoch s1 -1", `6: "-1" is no number from 0 to 9007199254740992 (write digits only)`},
		{"publish s1 +sdown master @x", `6: there is no server or Sentinel "x" (possible: a, b, c, s1, s2)`},
		{"answer a get loud", `6: no answer is called "loud" (possible: close, error, half, nil, normal, raw, silence, slow)`},
		{"answer a get slow soon", `6: "soon" is no time (write 200ms, 5s or 2m, up to 1h)`},
		{"answer a get error", `6: "answer a get error" is not understood (write: answer NODES COMMAND normal|error TEXT|nil|raw BYTES|half|close|silence|slow TIME [once|N times])`},
		{`answer a get error "a\nb"`, `6: an error has one line (raw sends any bytes)`},
		{"answer a get half 0 times", `6: 0 times does nothing (leave it out)`},
		{"wait", `6: "wait" is not understood (write: wait TIME | wait next | wait N WHAT on NODES [within TIME])`},
		{"wait 5", `6: "5" is no time (write 200ms, 5s or 2m, up to 1h)`},
		{"wait 3 write on a", `6: "write" cannot be counted (did you mean "writes"?)`},
		{"wait 3 writes on s1", `6: there is no server "s1" (possible: a, b, c)`},
		{"expect 3 writes on a", `6: "expect 3 writes on a" is not understood (write: expect N WHAT on NODES within TIME)`},
		{"expect no writes on a within 1s", `6: it would be true at once: writes only become more (to say that none may come, write: forbid writes on a)`},
		{"forbid more writes on a", `6: "forbid more writes on a" is not understood (write: forbid [more than N] WHAT on NODES)`},
		{"repeat 3\nkill a", `6: repeat without end (write end below what is repeated)`},
		{"end", `6: end without repeat (write repeat N above what is repeated)`},
		{"repeat 10000\nrepeat 10000\nkill a\nend\nend", `8: more than 10000 things to do (repeat less often)`},
		{`say "s1 b`, `6: a quote is not closed, or text follows it (write "..." with a blank behind it)`},
		{"step", `6: step needs a text (write: step TEXT)`},
		{"step x\nserver d", `7: server comes too late (it stands above everything that is done)`},
		{"server a", `6: there are two nodes "a" (give one of them another name)`},
		{"server all", `6: "all" cannot be the name of a node (letters, digits and .-_, but not all, any, servers, sentinels, nobody, next, no)`},
		{"server d of e", `6: there is no server "e" (possible: a, b, c, d)`},
		{"server d of d", `6: a server cannot follow itself (name its master, or leave out "of" with a master)`},
		{"server d e port 7000", `6: several nodes cannot have one port (a line for each)`},
		{"server d port 70000", `6: "70000" is no number from 0 to 65535 (write digits only)`},
		{"server d password x", `6: "server d password x" is not understood (write: server NAME... [of SERVER] [port N])`},
		{"workload think", `6: "workload think" is not understood (write: workload write|read|subscribe)`},
		{`master "my master"`, `6: "my master" cannot be the name of a master (letters, digits and .-_)`},
		{"right", `6: right needs a text (write: right TEXT)`},
		{"step " + strings.Repeat("x", 5000), `6: the line is longer than 4096 bytes (make several of it)`},
	} {
		_, err := Parse("test", []byte(head+test.body))
		if err == nil || err.Error() != "test:"+test.want {
			t.Errorf("%.60q:\n got %v\nwant test:%s", test.body, err, test.want)
		}
	}
}

func TestMistakesOfTheWhole(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "f: it has no title (write a line: title what happens)\n" +
			"f: it does not say what a right client does (write a line: right what a right client does)\n" +
			"f: it has no Sentinel (write a line: sentinel s1)\n" +
			"f: it has no server (write a line: server a)"},
		{"title t\nright r\nserver a of b\nserver b of a\nsentinel s", `f: no server is a master at first (leave out "of" with one of them)`},
		{"title t\nright r\nserver a port x\nsentinel s port y", `f:3: "x" is no number from 0 to 65535 (write digits only)` + "\n" + `f:4: "y" is no number from 0 to 65535 (write digits only)`},
		{"\xff\xfe", "f: it is no text in UTF-8 (is it a script?)"},
		{strings.Repeat("#\n", maxScriptBytes), "f: it is longer than 256 KiB (leave out what is not needed, or make several of it)"},
	} {
		_, err := Parse("f", []byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%.20q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
	_, err := Parse("f", []byte(head+strings.Repeat("x\n", 100)))
	var bad *Error
	if !errors.As(err, &bad) || len(bad.Problems) != maxProblems || bad.Problems[19].Line != 25 {
		t.Errorf("of 100 mistakes: %v", err)
	}
	many := ""
	for i := range 65 {
		many += fmt.Sprintf("server n%d\n", i)
	}
	if _, err := Parse("f", []byte(head+many)); err == nil || !strings.Contains(err.Error(), "more than 64 nodes") {
		t.Errorf("70 nodes: %v", err)
	}
}

func TestParsedScript(t *testing.T) {
	s, err := Parse("f", []byte(`
title  One
title  and more "quoted
mistake it's wrong
right  it isn't
master cache password "a b"
workload read
server a port 7000
server b of a
sentinel s1 password x
# nothing
step it's "one # two
  repeat 2 # 'x
    wait 3 writes on all within 5s
    repeat 2
      answer a GET slow 1s 3 times #
    end
  end
  forbid more than 4 connections on all
`))
	must(t, err)
	if s.Title != `One and more "quoted` || s.Mistake != "it's wrong" || s.Right != "it isn't" || s.Master != "cache" || s.Password != "a b" || s.Workload != Read {
		t.Errorf("%+v", s)
	}
	var verbs []string
	for _, in := range s.instructions {
		verbs = append(verbs, in.verb)
	}
	if got := strings.Join(verbs, " "); got != "step wait answer answer wait answer answer forbid" {
		t.Error(got)
	}
	if got := s.instructions[0].words[0]; got != `it's "one # two` {
		t.Error(got)
	}
	in, err := s.parseAction(`publish s1 x "# a" '\'#' b#c # d "`)
	must(t, err)
	if got := strings.Join(in.words, ","); got != "x,# a,'#,b#c" {
		t.Error(got)
	}
	if _, err := s.parseAction(" # nothing"); err == nil {
		t.Error("a comment says what to do")
	}
	wait, answer := s.instructions[1].cond, s.instructions[2].rule
	if wait.count != 3 || wait.what != writes || len(wait.nodes) != 2 || wait.within != 5*time.Second {
		t.Errorf("%+v", wait) // all servers, since only they have writes
	}
	if answer.command != "get" || answer.how != slow || answer.delay != time.Second || answer.left != 3 {
		t.Errorf("%+v", answer)
	}
	if !s.Judges() || parse(t, "step x\nkill a").Judges() {
		t.Error("Judges")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		text, err := Source(name)
		must(f, err)
		f.Add(text)
	}
	f.Add([]byte(head + "repeat 100\nrepeat 100\nkill a\nend\nend\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("fuzz", text)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		var bad *Error
		if err != nil && (!errors.As(err, &bad) || len(bad.Problems) == 0 || strings.Count(err.Error(), "\n")+1 != len(bad.Problems)) {
			t.Fatalf("%q", err)
		}
		if s != nil && len(s.instructions) > maxInstructions {
			t.Fatal(len(s.instructions))
		}
	})
}
