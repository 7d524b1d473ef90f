package lint

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// heavy are packages that a program has only if it asks for what they do: those at the
// right are not linked with those at the left.
var heavy = map[string][]string{
	".": {
		"github.com/gosentinel/sentinel/internal/console", "github.com/gosentinel/sentinel/internal/web",
		"github.com/prometheus/client_golang/prometheus", "google.golang.org/protobuf/proto",
	},
}

// TestWeight: who embeds a Sentinel and does not show it does not link Prometheus and the
// pages.
func TestWeight(t *testing.T) {
	linked := func(pkg string) []string {
		t.Helper()
		cmd := exec.Command("go", "list", "-deps", pkg)
		cmd.Dir = root(t)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		return strings.Fields(string(out))
	}
	all := linked("./httpconsole")
	for pkg, not := range heavy {
		has := linked(pkg)
		for _, one := range not {
			if slices.Contains(has, one) {
				t.Errorf("%s links %s", pkg, one)
			}
			if !slices.Contains(all, one) {
				t.Errorf("httpconsole does not link %s: the list is out of date", one)
			}
		}
	}
}
