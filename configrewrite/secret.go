package configrewrite

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/words"
)

// hidden stands for what is not shown.
const hidden = "******"

// secretDirectives names the directives whose arguments are never shown, and
// secretKeys the keys of a sentinel.toml. A new name of a command protects as long
// as nobody knows it. The words set and was begin what the state part says of users.
var secretDirectives, secretKeys = func() ([]string, map[string]bool) {
	names := []string{"masterauth", "primaryauth", "rename-command"} // the first two are of data servers
	keys := map[string]bool{"rename-command": true, "set": true, "was": true}
	for _, list := range [][]option.Description{masterOptions.Describe(), globalOptions.Describe(), settingOptions.Describe()} {
		for _, d := range list {
			if d.Secret {
				names, keys[d.Key()] = append(names, d.Name), true
			}
		}
	}
	return names, keys
}()

// Masked returns a line of a sentinel.conf, or of a command line, as it may be
// shown: without what may be a secret. A line that is mistyped has the whole of it
// printed, so that it is hidden behind every word that looks like the name of a
// secret; line numbers say enough.
func Masked(line string) string {
	tokens := tokensOf(line)
	if len(tokens) == 0 {
		return line
	}
	at := 0
	if len(tokens) > 1 && looksLike(tokens[0].text, []string{"sentinel"}) {
		at = 1
	}
	plain := knownPlain(tokens, at)
	for i, t := range tokens {
		end := 0
		switch {
		case i < at && !hasSecretPart(t.text):
			continue
		case i == at && secretPrefix(t.text) > 0:
			end = t.start + secretPrefix(t.text) // a name, with its value glued to it or not
		case i < at, containsFold(secretDirectives, t.text), endsInSecret(t.text), i == at && !plain && looksSecret(t.text):
			end = t.end
		case i > at && !plain && (looksSecret(t.text) || strings.ContainsRune("<>#", rune(line[t.start-1]))):
			end = t.start // it may be the secret itself, or a password in a rule of a user
		default:
			continue
		}
		if strings.TrimSpace(line[end:]) == "" {
			return line
		}
		return strings.TrimSpace(line[:end]) + " " + hidden
	}
	return line
}

// knownPlain reports whether a line begins with a directive that holds no secret.
func knownPlain(tokens []token, at int) bool {
	word := strings.ToLower(tokens[at].text)
	if at == 1 {
		return strings.EqualFold(tokens[0].text, "sentinel") && containsFold(sentinelDirectives, word) && !containsFold(secretDirectives, word)
	}
	return knownDirective(word) && !containsFold(secretDirectives, word)
}

// token is a word of a line in which any mark may stand where a blank belongs.
type token struct {
	text       string
	start, end int
}

func tokensOf(line string) (list []token) {
	start := -1
	for i, r := range line + " " {
		if isMark(r) {
			if start >= 0 {
				list, start = append(list, token{line[start:i], start, i}), -1
			}
		} else if start < 0 {
			start = i
		}
	}
	return list
}

// isMark reports whether a directive ends before r.
func isMark(r rune) bool {
	return r < '0' && r != '-' && r != '.' && r != '/' || r > unicode.MaxASCII && !unicode.IsLetter(r) || strings.ContainsRune(`:;=?<>[]{}|\`, r)
}

// secretPrefix returns the length of the longest name of a secret directive that
// word begins with, or 0.
func secretPrefix(word string) (n int) {
	for _, name := range secretDirectives {
		if len(word) > len(name) && strings.EqualFold(word[:len(name)], name) && !knownDirective(strings.ToLower(word)) {
			n = max(n, len(name))
		}
	}
	return n
}

// endsInSecret reports whether a word ends with the name of a secret directive, as
// that of a line which was added to a file without a line feed at its end.
func endsInSecret(word string) bool {
	word = strings.ToLower(word)
	return !knownDirective(word) && !slices.Contains(sentinelDirectives, word) &&
		slices.ContainsFunc(secretDirectives, func(name string) bool { return strings.HasSuffix(word, name) })
}

// secretParts are parts of words for secrets, in the files of other programs too.
var secretParts = []string{"pas", "auth", "secret", "pw", "psw", "cred", "token", "key", "user", "acl"}

// looksSecret reports whether a word may be meant as the name of a secret
// directive.
func looksSecret(word string) bool {
	return hasSecretPart(word) || looksLike(word, secretDirectives)
}

func hasSecretPart(word string) bool {
	return slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(strings.ToLower(word), part) })
}

func looksLike(word string, names []string) bool {
	return containsFold(names, word) || words.Nearest(word, names) != ""
}

// showing is how much of a line may be shown.
type showing uint8

const (
	asConf showing = iota // without secrets, as a line of a sentinel.conf
	asRest                // perhaps nothing: the line above is about a secret, and lost its end
	asItIs                // all: secrets are hidden already
)

// shown returns the line as it may be shown.
func (at position) shown() string {
	tokens := tokensOf(at.text)
	switch {
	case at.show == asItIs:
		return at.text
	case at.show == asRest && len(tokens) > 0 && !knownPlain(tokens, 0) && !strings.EqualFold(tokens[0].text, "sentinel"):
		return hidden
	}
	return Masked(at.text)
}

// hint adds to a hint what an editor does not show of the line.
func (at position) hint(hint string) string {
	if at.show == asItIs {
		return hint
	}
	return withOddity(hint, at.text)
}

// shownWord returns the directive of the line as it may be shown.
func (at position) shownWord(word string) string {
	if at.shown() == hidden {
		return hidden
	}
	if m, found := strings.CutSuffix(Masked(word+" x"), " "+hidden); found {
		word = m
	}
	return printable(word)
}

// lacksSecret reports whether a line is about a secret and does not hold all of
// it, so that the next line may be its rest.
func lacksSecret(line string, args []string, err error) bool {
	tokens := tokensOf(line)
	if len(tokens) == 0 {
		return false
	}
	at, want := 0, 2
	if len(tokens) > 1 && looksLike(tokens[0].text, []string{"sentinel"}) {
		at, want = 1, 4 // with the name of a master
	}
	switch strings.ToLower(tokens[at].text) {
	case "sentinel-pass":
		want = 3
	case "user", "rename-command":
		want = at*2 + 3
	}
	about := secretPrefix(tokens[at].text) > 0 || containsFold(secretDirectives, tokens[at].text) ||
		!knownPlain(tokens, at) && looksSecret(tokens[at].text)
	return about && (err != nil || len(args) < want || strings.HasSuffix(line, `\`))
}

// tomlKeyNames are the keys of all tables of a sentinel.toml.
var tomlKeyNames = slices.Concat(tomlKeys(settingOptions), tomlKeys(globalOptions), tomlKeys(masterOptions), masterKeys,
	[]string{"server", "sentinel", "master"})

var (
	tomlHeader = regexp.MustCompile(`^\[\[?[A-Za-z0-9 ._-]+\]\]?$`)
	tomlKey    = regexp.MustCompile(`^["']?([A-Za-z0-9_-]+)["']?\s*=`)
)

// maskedTOML returns a line of a sentinel.toml as it may be shown. What does not
// begin with something like a key may belong to a value that began above.
func maskedTOML(line string) string {
	line = strings.TrimSpace(line)
	key := tomlKey.FindStringSubmatch(line)
	switch {
	case line == "", tomlHeader.MatchString(line):
		return line
	case key == nil && len(strings.Fields(line)) > 1 && looksLike(strings.Fields(line)[0], tomlKeyNames):
		return strings.Fields(line)[0] + " " + hidden // a forgotten =
	case key == nil:
		return hidden
	case secretKeys[key[1]], !slices.Contains(tomlKeyNames, key[1]) && looksSecret(key[1]), namesSecret(line[len(key[0]):]):
		return key[1] + " = " + hidden
	case !looksLike(key[1], tomlKeyNames):
		return hidden
	}
	return line
}

// namesSecret reports whether a value holds the name of a secret, as an inline
// table does, or a line whose end was lost.
func namesSecret(value string) bool {
	return slices.ContainsFunc(tokensOf(value), func(t token) bool {
		return containsFold(secretDirectives, t.text) || secretKeys[t.text] || secretPrefix(t.text) > 0 || endsInSecret(t.text)
	})
}

// withoutQuotes removes from an error what it quotes of a text, single characters
// apart.
func withoutQuotes(message string) string {
	return quoted.ReplaceAllStringFunc(message, func(q string) string {
		if q[0] == '\'' && len(q) <= len(`'\n'`) {
			return q
		}
		return hidden
	})
}

var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"|'[^']*'`)
