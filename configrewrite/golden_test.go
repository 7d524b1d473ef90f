package configrewrite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestGolden runs the scripts in testdata. Their results are written anew by
// "go test -run TestGolden -rewrite".
//
//	parse [toml] [override="line"]       what a text means, or what is wrong with it
//	render [toml] [override="line"]      a text, then === and a state in sentinel.conf syntax:
//	                                     the text with that state in it, and what that means
//	rerender [toml]                      a text, === what became of it since it was loaded, === a state
//	... [live] [user="words"] [level=l]  as render and rerender, with these users, or with the default
//	                                     user alone, and with this log level set at run time
//	edit                                 a sentinel.toml, === the operator's new part: keeps the state
//	                                     part of the first below the second, and says what it means
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			src := pureSource(FormatConf)
			if td.HasArg("toml") {
				src = pureSource(FormatTOML)
			}
			src.Resolve = goldenResolve
			src.Include = goldenInclude
			src.CheckUsers = goldenUsers
			var live Live
			for _, arg := range td.CmdArgs {
				switch arg.Key {
				case "override":
					src.Overrides = append(src.Overrides, strings.ReplaceAll(arg.Vals[0], "_", " "))
				case "user":
					live.Users = append(live.Users, strings.Split(arg.Vals[0], "_"))
				case "live":
					live.Users = append(live.Users, strings.Fields(impliedUser(&Settings{})))
				case "level":
					live.LogLevel = arg.Vals[0]
				}
			}
			first, second, _ := strings.Cut(td.Input+"\n", "===\n")
			switch td.Cmd {
			case "parse":
				return explain(Parse([]byte(first), src))
			case "render":
				return goldenRender(t, src, live, first, first, second)
			case "rerender":
				current, state, _ := strings.Cut(second, "===\n")
				return goldenRender(t, src, live, first, current, state)
			case "edit":
				_, state := cutState([]byte(first))
				src.Format = FormatTOML
				return explain(Parse(append([]byte(second), state...), src))
			}
			t.Fatalf("unknown command %q", td.Cmd)
			return ""
		})
	})
}

// goldenUsers stands for the access control lists: it knows no command get, and
// its hash of a password is that password.
func goldenUsers(s Settings) (normal []string, problems []error) {
	for _, text := range s.Users {
		var problem error
		if strings.Contains(text, "+get") {
			problem = errors.New("Unknown command or category name in ACL")
		}
		normal = append(normal, strings.ReplaceAll(text, " >", " #"))
		problems = append(problems, problem)
	}
	return normal, problems
}

func goldenResolve(host string) (string, error) {
	if host == "redis1" {
		return "10.0.0.1", nil
	}
	return "", errors.New("no such host")
}

func goldenInclude(pattern string) ([]Included, error) {
	switch pattern {
	case "/srv/common.conf":
		return []Included{{pattern, []byte("sentinel monitor inc 10.0.0.9 6379 2\nsentinel rename-command inc CONFIG hidden\nloglevel debug\n")}}, nil
	case "/srv/users.conf":
		return []Included{{pattern, []byte("user inc on >x +ping\nuser twice on >x\n")}}, nil
	case "/srv/loop.conf":
		return []Included{{pattern, []byte("include loop.conf\n")}}, nil
	case "/srv/d/*.conf":
		return nil, nil
	}
	return nil, fmt.Errorf("Fatal error, can't open config file '%s': no such file", pattern)
}

func explain(doc *Document, err error) string {
	var b strings.Builder
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	} else {
		b.WriteString(describe(doc.State))
		b.WriteString(describeSettings(doc.Settings))
	}
	for _, w := range doc.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func describeSettings(s Settings) string {
	var b strings.Builder
	defaults := DefaultSettings()
	defaults.Dir = "/srv"
	for i := range settingOptions {
		o := &settingOptions[i]
		if v := tomlText(o, &s); v != tomlText(o, &defaults) {
			fmt.Fprintf(&b, "setting %s = %s\n", o.Key(), v)
		}
	}
	return b.String()
}

// goldenRender renders, and checks on every script what must hold for all.
func goldenRender(t *testing.T, src Source, live Live, loaded, current, state string) string {
	t.Helper()
	doc, err := Parse([]byte(loaded), src)
	if err != nil {
		t.Fatalf("the text of a render command has mistakes: %v", err)
	}
	doc = doc.With(live)
	stateSrc := pureSource(FormatConf)
	stateSrc.keepNames = true
	st := mustParse(t, state, stateSrc).State
	out := doc.Render([]byte(current), st)
	if err := doc.Verify(out, st); err != nil {
		t.Errorf("Verify: %v\n%s", err, out)
	}
	if again := doc.Render(out, st); string(again) != string(out) {
		t.Errorf("Render is not idempotent:\n%s\nthen\n%s", out, again)
	}
	return string(out) + "means:\n" + explain(Parse(out, src))
}
