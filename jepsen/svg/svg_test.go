package svg

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestDrawing: what is drawn is sound XML, whatever the words.
func TestDrawing(t *testing.T) {
	d := New("a < b & c", 100, 50)
	d.Text(1, 2, "label", "end", `"x" > y`)
	d.Line("s0", 1, 2, 3, 4, 1.5)
	d.Dot("s1", 5, 6)
	text := d.String()
	for in := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	for _, want := range []string{"a &lt; b &amp; c", `class="s1 dot" cx="5.0"`, `x1="1.0" y1="2.0"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
