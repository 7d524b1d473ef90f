package console

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNamesOfAnyBytes: a master may have a name that is no text. It is told all the same,
// apart from others, and the rest as well.
func TestNamesOfAnyBytes(t *testing.T) {
	src := newFleet(t, 1, "a\xff", "a\xfe", "\"b\"\n\\")
	w := httptest.NewRecorder()
	New(src).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`gosentinel_master_sdown_total{master="a\\xff"} 0` + "\n", `gosentinel_master_sdown_total{master="a\\xfe"} 0` + "\n",
		`gosentinel_master_sdown_total{master="\"b\"\n\\"} 0` + "\n", "redis_sentinel_masters 4\n", "go_goroutines ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("status %d: no %q in\n%.2000s", w.Code, want, w.Body)
		}
	}
}

// TestFamiliesInOrder: each family comes once, by name, as scrapers expect.
func TestFamiliesInOrder(t *testing.T) {
	w := httptest.NewRecorder()
	New(newFleet(t, 2)).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	before := ""
	for line := range strings.Lines(w.Body.String()) {
		if name, is := strings.CutPrefix(line, "# TYPE "); is {
			if name <= before {
				t.Errorf("%q comes after %q", name, before)
			}
			before = name
		}
	}
	if before == "" {
		t.Error("there are no metrics")
	}
}
