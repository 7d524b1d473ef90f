package web

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// TestContrast: every colour of a text can be read on every background, by day and by
// night, as WCAG 2.1 asks for (AA: 4.5), and borders can be seen (3).
func TestContrast(t *testing.T) {
	schemes := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(style, -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes", len(schemes))
	}
	for _, s := range schemes {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]+)`).FindAllStringSubmatch(s[1], -1) {
			colours[m[1]] = m[2]
		}
		for _, text := range []string{"fg", "soft", "good", "warn", "bad", "mark", "line"} {
			for _, ground := range []string{"bg", "card"} {
				least := 4.5
				if text == "line" {
					least = 3
				}
				if r := contrast(luminance(t, colours[text]), luminance(t, colours[ground])); r < least {
					t.Errorf("%s (%s) on %s (%s): contrast %.1f", text, colours[text], ground, colours[ground], r)
				}
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + .05) / (min(a, b) + .05) }

func luminance(t *testing.T, hex string) (l float64) {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	if len(hex) != 6 {
		t.Fatalf("colour %q", hex)
	}
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}
