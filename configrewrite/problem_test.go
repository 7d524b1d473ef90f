package configrewrite

import (
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/option"
)

// TestSecretsAreMasked: a line with a secret option is shown without its value, in
// both formats, also when the line is misspelt.
func TestSecretsAreMasked(t *testing.T) {
	n := 0
	check := func(list []option.Description, prefix, master string) {
		for _, d := range list {
			if !d.Secret {
				continue
			}
			n++
			if got := Masked(prefix + strings.ToUpper(d.Name) + master + " hunter2 oops"); strings.Contains(got, "hunter2") {
				t.Errorf("shown as %q", got)
			}
			for _, line := range []string{d.Key() + ` = "hunter2" oops`, d.Key() + `="hunter2`, "  " + d.Key() + "=hunter2"} {
				if got := maskedTOML(line); strings.Contains(got, "hunter2") {
					t.Errorf("shown as %q", got)
				}
			}
		}
	}
	check(masterOptions.Describe(), "sentinel ", " mymaster")
	check(globalOptions.Describe(), "sentinel ", "")
	check(settingOptions.Describe(), "", "")
	if n < 5 {
		t.Errorf("only %d secret options were found", n)
	}
	for _, line := range []string{`port = 1`, `name = "m"`} {
		if got := maskedTOML(line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
}

// TestErrorIsBounded: all problems that a file may have are listed, and not all of
// one that is no configuration.
func TestErrorIsBounded(t *testing.T) {
	for n, want := range map[int]string{90: "s:90: ", maxShown: "s:100: ", maxShown + 50: "\nand 50 more"} {
		src := pureSource(FormatConf)
		src.Name = "s"
		_, err := Parse([]byte(strings.Repeat("nonsense\n", n)), src)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "more") != (n > maxShown) {
			t.Errorf("%d problems: %v", n, err)
		}
	}
}
