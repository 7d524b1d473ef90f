package configrewrite

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
)

// setTOML sets an option from a decoded TOML value.
func setTOML[T any](r *option.Row[T], t *T, v any) error {
	switch p := r.At(t).(type) {
	case *time.Duration:
		return durationFromTOML(&r.Spec, p, v)
	case *[]string:
		return listFromTOML(p, v)
	case *int:
		n, ok := v.(int64)
		if !ok {
			return errors.New("must be an integer without quotes")
		}
		return r.SetLine(t, []string{strconv.FormatInt(n, 10)})
	case *bool:
		b, ok := v.(bool)
		if !ok {
			return errors.New("must be true or false, without quotes")
		}
		return r.SetLine(t, []string{map[bool]string{true: "yes", false: "no"}[b]})
	case option.Value:
		switch r.Kind() {
		case option.Pairs:
			return pairsFromTOML(p, v)
		case option.Lines:
			return linesFromTOML(p, v)
		case option.Classes:
			return classesFromTOML(p, v)
		}
	}
	text, ok := v.(string)
	if !ok {
		return errors.New("must be a string in quotes")
	}
	if r.Kind() == option.ID && text == "" {
		r.SetDefault(t)
		return nil
	}
	text, err := decodeText(text)
	if err != nil {
		return err
	}
	return r.SetLine(t, []string{text})
}

func durationFromTOML(s *option.Spec, p *time.Duration, v any) error {
	text, ok := v.(string)
	if !ok {
		return errors.New(`must be a string with a unit, such as "30s" or "1500ms"`)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New(`must be a duration with a unit, such as "30s" or "1500ms"`)
	}
	if d < time.Duration(s.Lo)*s.Unit {
		return fmt.Errorf("must be at least %v", time.Duration(s.Lo)*s.Unit)
	}
	*p = d
	return nil
}

func listFromTOML(p *[]string, v any) error {
	list, err := textsOf(v)
	if err == nil {
		*p = list
	}
	return err
}

// linesFromTOML reads a list of texts, each of which is a line of words.
func linesFromTOML(p option.Value, v any) error {
	texts, err := textsOf(v)
	if err != nil {
		return err
	}
	lines := make([][]string, len(texts))
	for i, text := range texts {
		if lines[i], err = splitArgs(text); err != nil || len(lines[i]) == 0 {
			return fmt.Errorf("text %d of the list is not a list of words: close its quotes", i+1) // not shown: it may hold a password
		}
	}
	return setLines(p, lines)
}

func setLines(p option.Value, lines [][]string) error {
	p.Clear()
	for _, words := range lines {
		if err := p.SetLine(words); err != nil {
			return errors.New(err.Error()) // in TOML nothing has to be tolerated
		}
	}
	return nil
}

// pairsFromTOML reads the operator's form, a table from old to new word, or the
// form of the state part, a list of pairs, which keeps the order.
func pairsFromTOML(p option.Value, v any) error {
	var lines [][]string
	switch v := v.(type) {
	case map[string]any:
		for _, from := range sortedKeys(v) {
			to, ok := v[from].(string)
			if !ok {
				return errors.New(`must be a table of strings, such as { CONFIG = "hidden" }`)
			}
			lines = append(lines, []string{from, to})
		}
	case []any:
		for _, item := range v {
			pair, err := textsOf(item)
			if err != nil {
				return err
			}
			lines = append(lines, pair)
		}
	default:
		return errors.New(`must be a table of strings, such as { CONFIG = "hidden" }`)
	}
	return setLines(p, lines)
}

func classesFromTOML(p option.Value, v any) error {
	lines, err := stringsOf(v)
	if err != nil {
		return err
	}
	return p.SetLine(strings.Fields(strings.Join(lines, " ")))
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

// textsOf is stringsOf for texts that may be written in hexadecimal.
func textsOf(v any) ([]string, error) {
	list, err := stringsOf(v)
	for i := range list {
		if list[i], err = decodeText(list[i]); err != nil {
			return nil, err
		}
	}
	return list, err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// tomlText returns the value of an option as TOML.
func tomlText[T any](r *option.Row[T], t *T) string {
	switch p := r.At(t).(type) {
	case *string:
		return tomlString(*p)
	case *int:
		return strconv.Itoa(*p)
	case *time.Duration:
		return tomlString(p.String())
	case *bool:
		return strconv.FormatBool(*p != r.Negated)
	case *[]string:
		return tomlStrings(*p)
	case option.Value:
		return tomlValue(p)
	default:
		panic(fmt.Sprintf("option %q: no TOML for type %T", r.Name, p))
	}
}

func tomlValue(v option.Value) string {
	lines := v.Lines()
	switch v.Kind() {
	case option.Pairs:
		pairs := make([]string, len(lines))
		for i, words := range lines {
			pairs[i] = tomlStrings(words)
		}
		return "[" + strings.Join(pairs, ", ") + "]"
	case option.Lines, option.Classes:
		texts := make([]string, len(lines))
		for i, words := range lines {
			texts[i] = joinArgs(words...)
		}
		return tomlStrings(texts)
	}
	return tomlString(lines[0][0])
}
