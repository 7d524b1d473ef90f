//go:build unix

package logfile

import (
	"slices"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
)

// TestWordsOfTheOptions: the table of options allows exactly the words that this
// package knows, for each option about the log.
func TestWordsOfTheOptions(t *testing.T) {
	words := map[string][]string{
		"loglevel":             thresholdNames[:],
		"log-format":           append(formatNames[:], defaultName),
		"log-timestamp-format": timeNames[:],
		"syslog-facility":      facilityNames(),
	}
	for _, o := range configrewrite.SettingOptions() {
		want, ok := words[o.Name]
		if !ok {
			continue
		}
		delete(words, o.Name)
		got := slices.Sorted(slices.Values(o.Words))
		if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
			t.Errorf("%s allows %q, and the log knows %q", o.Name, got, want)
		}
	}
	for name := range words {
		t.Errorf("the table has no option %s", name)
	}
}
