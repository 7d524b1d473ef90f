package configrewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// spec is what both file formats know of one option. The Go type of the field
// decides how words become a value, so that an option is described once, and
// sentinel.conf, sentinel.toml and the writers of both cannot disagree.
type spec struct {
	conf    string        // directive, "" = TOML only
	toml    string        // key
	unit    time.Duration // of a bare number in sentinel.conf, for durations
	lo, hi  int64         // bounds of a number; hi 0 = none
	words   []string      // the allowed words, for enumerations
	lenient bool          // out of bounds: warn and keep the default, as originals accept it
	none    bool          // []string: no word at all is the same as one empty word
	multi   bool          // []string: every line adds one element, instead of replacing all
	quoted  bool          // always written in quotes
	secret  bool          // never shown
	removes bool          // RenameTable: an empty new word is one, for "no name at all"
}

// option binds a spec to a field of T.
type option[T any] struct {
	spec
	at func(*T) any // pointer to the field
}

// negated is the field of a directive that says the opposite.
type negated struct{ *bool }

// tolerated is an error about a value that some released version accepted. It
// becomes a warning, and the option keeps its default.
type tolerated string

func (t tolerated) Error() string { return string(t) }

var (
	errArgs  = errors.New("wrong number of arguments")
	errYesNo = errors.New("argument must be 'yes' or 'no'")
	errTwice = errors.New("Same command renamed multiple times with rename-command.")
)

// fromArgs sets the field at ptr from the words of a configuration line.
func (s spec) fromArgs(ptr any, args []string) error {
	switch p := ptr.(type) {
	case *[]string:
		return s.listFromArgs(p, args)
	case **monitor.RenameTable:
		return s.addRename(p, args)
	case *OutputLimits:
		return p.set(args)
	}
	if len(args) != 1 {
		return errArgs
	}
	return s.fromWord(ptr, args[0])
}

func (s spec) fromWord(ptr any, word string) error {
	switch p := ptr.(type) {
	case *string:
		return s.setString(p, word)
	case *monitor.RunID:
		return setRunID(p, word)
	case *int:
		n, err := s.number(word, int64(math.MaxInt))
		if err == nil {
			*p = int(n)
		}
		return err
	case *time.Duration:
		n, err := s.number(word, int64(math.MaxInt64/s.unit))
		if err == nil {
			*p = time.Duration(n) * s.unit
		}
		return err
	case *bool:
		return setYesNo(p, word, true)
	case negated:
		return setYesNo(p.bool, word, false)
	case *fs.FileMode:
		n, err := strconv.ParseUint(word, 8, 32)
		if err != nil || n > 0o777 {
			return errors.New("argument must be an octal mode between 0 and 777")
		}
		*p = fs.FileMode(n)
		return nil
	}
	panic(fmt.Sprintf("option %q has a field of unknown type %T", s.toml, ptr))
}

func (s spec) setString(p *string, word string) error {
	if s.words != nil {
		word = strings.ToLower(word)
		if !containsFold(s.words, word) {
			return fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(s.words, ", "))
		}
	}
	*p = word
	return nil
}

func (s spec) number(word string, hi int64) (int64, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("argument couldn't be parsed into an integer")
	}
	if s.hi != 0 {
		hi = min(hi, s.hi)
	}
	if err == nil && s.lo <= n && n <= hi {
		return n, nil
	}
	msg := fmt.Sprintf("argument must be between %d and %d inclusive", s.lo, hi)
	if s.lenient {
		return 0, tolerated(msg + "; the default is used")
	}
	return 0, errors.New(msg)
}

func setYesNo(p *bool, word string, yes bool) error {
	switch strings.ToLower(word) {
	case "yes":
		*p = yes
	case "no":
		*p = !yes
	default:
		return errYesNo
	}
	return nil
}

func setRunID(p *monitor.RunID, word string) error {
	id := monitor.RunID(word)
	if !id.Valid() || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("Malformed Sentinel id in myid option.")
	}
	*p = id
	return nil
}

func (s spec) listFromArgs(p *[]string, args []string) error {
	switch {
	case len(args) == 0 && s.none:
		args = []string{""}
	case len(args) == 0:
		return errArgs
	}
	if s.multi {
		// A save copies lines of the command line into the file, where the next
		// start with the same command line finds them.
		if line := joinArgs(args...); !slices.Contains(*p, line) {
			*p = append((*p)[:len(*p):len(*p)], line)
		}
		return nil
	}
	*p = append([]string(nil), args...)
	return nil
}

// addRename adds one mapping. An exact repetition is harmless, and is what is
// found after an included line was copied into the main file.
func (s spec) addRename(p **monitor.RenameTable, args []string) error {
	if len(args) != 2 {
		return errArgs
	}
	if args[0] == "" || args[1] == "" && !s.removes {
		return tolerated("an empty command word cannot be sent; the line is ignored")
	}
	entries := (*p).Entries()
	for _, e := range entries {
		if strings.EqualFold(e.From, args[0]) {
			if e.To == args[1] {
				return nil
			}
			return errTwice
		}
	}
	*p = monitor.NewRenameTable(append(entries, monitor.Renamed{From: args[0], To: args[1]})...)
	return nil
}

func (l *OutputLimits) set(args []string) error {
	if len(args) == 0 || len(args)%4 != 0 {
		return errArgs
	}
	next := *l
	for ; len(args) > 0; args = args[4:] {
		var class *OutputLimit
		switch strings.ToLower(args[0]) {
		case "normal":
			class = &next.Normal
		case "slave", "replica":
			class = &next.Replica
		case "pubsub":
			class = &next.PubSub
		default:
			return errors.New("Invalid client class specified in buffer limit configuration.")
		}
		hard, ok1 := parseSize(args[1])
		soft, ok2 := parseSize(args[2])
		secs, err := strconv.ParseInt(args[3], 10, 32)
		if !ok1 || !ok2 || err != nil || secs < 0 {
			return errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		*class = OutputLimit{hard, soft, time.Duration(secs) * time.Second}
	}
	*l = next
	return nil
}

func (l *OutputLimits) lines() []string {
	line := func(class string, o OutputLimit) string {
		return fmt.Sprintf("%s %d %d %d", class, o.HardBytes, o.SoftBytes, o.SoftFor/time.Second)
	}
	return []string{line("normal", l.Normal), line("replica", l.Replica), line("pubsub", l.PubSub)}
}

// parseSize reads a number of bytes with an optional unit: k, kb, m, mb, g, gb.
func parseSize(s string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(s), "bkmg")
	factor := map[string]int64{"": 1, "b": 1, "k": 1e3, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[strings.ToLower(s)[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || factor == 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

// toArgs returns the words that set the field to its present value, one list
// for each line of the directive; none for an empty value, which no line can
// express. It knows the types of those options that a rewrite takes from the state.
func (s spec) toArgs(ptr any) [][]string {
	one := func(word string) [][]string { return [][]string{{word}} }
	switch p := ptr.(type) {
	case *string:
		if *p == "" {
			return nil
		}
		return one(*p)
	case *int:
		return one(strconv.Itoa(*p))
	case *time.Duration:
		return one(strconv.FormatInt(int64(*p/s.unit), 10))
	case **monitor.RenameTable:
		var lines [][]string
		for _, e := range (*p).Entries() {
			lines = append(lines, []string{e.From, e.To})
		}
		return lines
	}
	panic(fmt.Sprintf("option %q: no words for type %T", s.toml, ptr))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// fromTOML sets the field at ptr from a decoded TOML value.
func (s spec) fromTOML(ptr any, v any) error {
	switch p := ptr.(type) {
	case *time.Duration:
		return s.durationFromTOML(p, v)
	case *[]string:
		return s.listFromTOML(p, v)
	case **monitor.RenameTable:
		return s.renamesFromTOML(p, v)
	case *OutputLimits:
		return limitsFromTOML(p, v)
	case *int:
		n, ok := v.(int64)
		if !ok {
			return errors.New("must be an integer without quotes")
		}
		return s.fromWord(p, strconv.FormatInt(n, 10))
	case *bool, negated:
		b, ok := v.(bool)
		if !ok {
			return errors.New("must be true or false, without quotes")
		}
		return s.fromWord(p, yesNo(b))
	}
	text, ok := v.(string)
	if !ok {
		return errors.New("must be a string in quotes")
	}
	if id, ok := ptr.(*monitor.RunID); ok && text == "" {
		*id = ""
		return nil
	}
	text, err := decodeText(text)
	if err != nil {
		return err
	}
	return s.fromWord(ptr, text)
}

func (s spec) durationFromTOML(p *time.Duration, v any) error {
	text, ok := v.(string)
	if !ok {
		return errors.New(`must be a string with a unit, such as "30s" or "1500ms"`)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New(`must be a duration with a unit, such as "30s" or "1500ms"`)
	}
	if d < time.Duration(s.lo)*s.unit {
		return fmt.Errorf("must be at least %v", time.Duration(s.lo)*s.unit)
	}
	*p = d
	return nil
}

func (s spec) listFromTOML(p *[]string, v any) error {
	words, err := stringsOf(v)
	if err != nil {
		return err
	}
	var list []string
	for _, w := range words {
		if w, err = decodeText(w); err != nil {
			return err
		}
		if !s.multi {
			list = append(list, w)
			continue
		}
		args, err := splitArgs(w)
		if err != nil || len(args) == 0 {
			return fmt.Errorf("%q is not a list of words", w)
		}
		list = append(list, joinArgs(args...))
	}
	*p = list
	return nil
}

func stringsOf(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, errors.New(`must be a list of strings, such as ["a", "b"]`)
	}
	var list []string
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, errors.New(`must be a list of strings, such as ["a", "b"]`)
		}
		list = append(list, text)
	}
	return list, nil
}

// renamesFromTOML reads the operator's form, a table from old to new word, or
// the form of the state part, a list of pairs, which keeps the order.
func (s spec) renamesFromTOML(p **monitor.RenameTable, v any) error {
	var table *monitor.RenameTable
	switch v := v.(type) {
	case map[string]any:
		for _, from := range sortedKeys(v) {
			to, ok := v[from].(string)
			if !ok {
				return errors.New(`must be a table of strings, such as { CONFIG = "hidden" }`)
			}
			if err := s.addRename(&table, []string{from, to}); err != nil {
				return errors.New(err.Error())
			}
		}
	case []any:
		for _, item := range v {
			pair, err := stringsOf(item)
			if err != nil {
				return err
			}
			for i := range pair {
				if pair[i], err = decodeText(pair[i]); err != nil {
					return err
				}
			}
			if err := s.addRename(&table, pair); err != nil {
				return errors.New(err.Error())
			}
		}
	default:
		return errors.New(`must be a table of strings, such as { CONFIG = "hidden" }`)
	}
	*p = table
	return nil
}

func limitsFromTOML(p *OutputLimits, v any) error {
	lines, err := stringsOf(v)
	if err != nil {
		return err
	}
	var args []string
	for _, l := range lines {
		args = append(args, strings.Fields(l)...)
	}
	return p.set(args)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// toTOML returns the value at ptr as TOML text.
func (s spec) toTOML(ptr any) string {
	switch p := ptr.(type) {
	case *string:
		return tomlString(*p)
	case *monitor.RunID:
		return tomlString(string(*p))
	case *int:
		return strconv.Itoa(*p)
	case *time.Duration:
		return tomlString(p.String())
	case *bool:
		return strconv.FormatBool(*p)
	case negated:
		return strconv.FormatBool(!*p.bool)
	case *fs.FileMode:
		return tomlString(strconv.FormatUint(uint64(*p), 8))
	case *[]string:
		return tomlStrings(*p)
	case *OutputLimits:
		return tomlStrings(p.lines())
	case **monitor.RenameTable:
		var pairs []string
		for _, e := range (*p).Entries() {
			pairs = append(pairs, "["+tomlString(e.From)+", "+tomlString(e.To)+"]")
		}
		return "[" + strings.Join(pairs, ", ") + "]"
	}
	panic(fmt.Sprintf("option %q: no TOML for type %T", s.toml, ptr))
}
