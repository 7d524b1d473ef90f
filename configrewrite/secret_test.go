package configrewrite

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/option"
)

const password = "hunter2"

// hides checks that nothing that a Sentinel says of a text shows the password.
func hides(t *testing.T, format Format, text string, overrides ...string) {
	t.Helper()
	src := pureSource(format)
	src.Overrides = overrides
	src.CheckUsers = goldenUsers
	doc, err := Parse([]byte(text), src)
	var all *Error
	if err != nil && !errors.As(err, &all) {
		t.Fatal(err)
	}
	var said []string
	if all != nil {
		for _, p := range all.Problems {
			said = append(said, p.String())
		}
	}
	for _, s := range append(said, doc.Warnings...) {
		if strings.Contains(s, password) || strings.Contains(s, password[:5]) {
			t.Errorf("%q %q\nis answered %q", text, overrides, s)
		}
	}
}

// secretNames are all secret options, as lines of a sentinel.conf without their
// value and as keys of a sentinel.toml.
func secretNames() (lines, keys []string) {
	add := func(prefix string, list []option.Description, suffix string) {
		for _, d := range list {
			if d.Secret {
				lines, keys = append(lines, prefix+d.Name+suffix), append(keys, d.Key())
			}
		}
	}
	add("sentinel ", masterOptions.Describe(), " m")
	add("sentinel ", globalOptions.Describe(), "")
	add("", settingOptions.Describe(), "")
	return append(lines, "masterauth", "primaryauth"), keys
}

// misspelt returns a word with one mistake: a letter less, doubled, changed or
// swapped.
func misspelt(word string) (list []string) {
	for i := range len(word) {
		list = append(list, word[:i]+word[i+1:], word[:i]+word[i:i+1]+word[i:], word[:i]+"q"+word[i+1:])
		if i > 0 {
			list = append(list, word[:i-1]+word[i:i+1]+word[i-1:i]+word[i+1:])
		}
	}
	return append(list, strings.ToUpper(word), word[:max(3, len(word)-3)], strings.ReplaceAll(word, "-", "_"), strings.ReplaceAll(word, "-", "–"), strings.ReplaceAll(word, "-", ""))
}

const aMaster = "sentinel monitor m 10.0.0.1 6379 2\n"

// TestNoSecretIsShown: whatever is mistyped in a line about a secret, and whoever
// complains about it, the secret is not shown.
func TestNoSecretIsShown(t *testing.T) {
	lines, _ := secretNames()
	if len(lines) < 7 {
		t.Fatalf("only %d secret options", len(lines))
	}
	for _, line := range lines {
		words := strings.Fields(line)
		last := min(len(words)-1, 1)
		for _, word := range misspelt(words[last]) {
			wrong := slices.Clone(words)
			wrong[last] = word
			hides(t, FormatConf, aMaster+strings.Join(wrong, " ")+" hunter2")
			hides(t, FormatConf, aMaster, strings.Join(wrong, " ")+` "hunter2"`)
		}
		for _, l := range []string{
			line + " hunter2 x", line + ` "hunter2`, line + " 'hunter2'x", line + `"hunter2"`, line + "=hunter2", line + ": hunter2", line + " = hunter2",
			line + "hunter2", line + "\u00a0hunter2", line + " “hunter2” x", line + "\thunter2\t\x00", line + "\\hunter2", line + ",hunter2",
			"\ufeff" + line + " hunter2", "-" + line + " hunter2", "--" + line + " hunter2", "; " + line + " hunter2", "// " + line + " hunter2",
			"sentinel " + line + " hunter2", "sentinel" + line + " hunter2", "sentinal " + line + " hunter2", "CONFIG SET " + line + " hunter2",
			"port 5 " + line + " hunter2", "logfile \"x " + line + " hunter2", aMaster[:len(aMaster)-1] + " " + line + " hunter2",
			line + "\nhunter2", line + " \\\nhunter2", line + " \\\n  hunter2 x", line + " \"\nhunter2\"", line + " \"hun\nter2\"",
			"port 5" + line + " hunter2", "protected-mode no" + line + " hunter2", "dir /tmp" + line + " hunter2 x", "sentinel known-replica m 10.0.0.2 6379" + line + " hunter2",
			"sentinel myid abc" + line + " hunter2", `protected-mode no\n` + line + " hunter2", "sentinel known-replica m 10.0.0.2 6379 " + line + " hunter2",
			`sentinel known-replica m "10.0.0.2 ` + line + " hunter2", "sentinel config-epoch nosuch 1 " + line + " hunter2", "sentinel known-sentinel nosuch " + line + " hunter2",
			"sentinel known-replica m 10.0.0.2 x" + line + " hunter2",
			`"` + line + ` hunter2"`, "export " + strings.ToUpper(line) + "=hunter2", line + " hunter2\rport 5 6",
		} {
			hides(t, FormatConf, aMaster+l)
			hides(t, FormatConf, aMaster+"sentinel monitor m2 10.0.0.2 6379 2\n"+l+"\n"+l+"\nport x\n")
		}
	}
	for _, l := range []string{
		"sentinel auth-pass hunter2", "sentinel auth-pass hunter2 m", "sentinel auth-pass nosuch hunter2", "sentinel auth m hunter2", "password hunter2",
		"user alice on hunter2 +get", "user alice on >hunter2 +get", "alice on >hunter2 +get", "sentinel alice <hunter2", "user alice\n on >hunter2", "auth hunter2", "redis_password: hunter2",
		"pw hunter2", "psw: hunter2", "sentinel pw m hunter2",
		"rename-command CONFIG\nhunter2", "sentinel rename-command m CONFIG\nhunter2", "protected-mode nouser alice on >hunter2",
		"sentinel rename-command m PING hunter2\nsentinel rename-command m ping x", "rename-command PING hunter2\nrename-command PING x",
	} {
		hides(t, FormatConf, aMaster+l)
	}
}

// TestNoSecretOfTOMLIsShown is TestNoSecretIsShown for the other format.
func TestNoSecretOfTOMLIsShown(t *testing.T) {
	_, keys := secretNames()
	const head = "[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n"
	for _, key := range keys {
		for _, k := range append(misspelt(key), key, `"`+key+`"`) {
			for i, value := range []string{
				`"hunter2"`, `hunter2`, `"hunter2`, `'hunter2`, `“hunter2”`, `["hunter2"`, `"hunter2" x`, `hunter2 x`, `{ a = "hunter2" }`, `["x", hunter2]`,
				"\"\"\"\nhunter2\n\\q\"\"\"", "[\n\"hunter2\"\n\"x\"]", "[\n  \"alice on >hunter2\",\n  x]", "\"x\\\nhunter2\"", "\n\"hunter2\"", "\"\"\"\nhunter2=foo\n\\q\"\"\"",
			} {
				if i > 1 && k != key {
					break
				}
				for _, sep := range []string{" = ", " ", ": ", "=", " == "} {
					for _, table := range []string{head, "[server]\n", "[sentinel]\n", ""} {
						hides(t, FormatTOML, table+k+sep+value+"\n")
					}
				}
			}
		}
		hides(t, FormatTOML, "server = { "+key+" = \"hunter2\", x y }\n")
		hides(t, FormatTOML, "foo = { "+key+" = \"hunter2\" }\n")
		hides(t, FormatTOML, "[server]\nport = 5 "+key+" = \"hunter2\"\n")
		hides(t, FormatTOML, "[server]\nport = 5"+key+" = \"hunter2\"\n")
	}
	for _, text := range []string{
		"[server]\nuser = [\"alice on >hunter2 \\\"\"]\n", "[server]\nuser = [\"alice on >hunter2 +get\"]\n", "[server]\nuser = \"alice on >hunter2\"\n",
		stateMarker + "\n[state]\nversion = 1\ncurrent-epoch = 0\n[[state.user]]\nname = \"a\"\nset = \"a on >hunter2\nwas = x\n" + stateEnd + "none\n",
		stateMarker + "\n[state]\nversion = 1\ncurrent-epoch = 0\n[[state.user]]\nname = \"a\"\nwas = \"a on >hunter2\" \"\n" + stateEnd + "none\n",
	} {
		hides(t, FormatTOML, text)
	}
}

// TestPlainLinesAreShown: hiding goes no further than it must.
func TestPlainLinesAreShown(t *testing.T) {
	for _, line := range []string{
		"maxheap 64MB", "prot 26379", `dir "C:\\Redis\\data\\"`, "sentinel down-after-milliseconds auth-db 5s", "sentinel auth-user m al ice", "tls-key-file a b",
		"aclfile a b", "sentinel monitor passport 10.0.0.1 6379 0", "sentinel down-after-millisecond m 5", "monitor m 127.0.0.1 6379 2", "masteruser a",
	} {
		if got := Masked(line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
	for _, line := range []string{`prot = 5`, `down-after = "5"`, `[[master]]`, `tls-key-file = 5`, `auth-user = 5`, ``} {
		if got := maskedTOML(line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
}
