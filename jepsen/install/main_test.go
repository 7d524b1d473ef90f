package install

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

var long = flag.Bool("long", false, "boot machines, install the package on them, and run the image under podman")

// root is the directory of the repository.
const root = "../.."

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, clustertest.Programs())
}

// dist runs deploy/dist.sh and returns the file that it made.
func dist(t *testing.T, what, version string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("sh", filepath.Join(root, "deploy/dist.sh"), what)
	cmd.Env = append(os.Environ(), "OUT="+dir, "VERSION="+version, "SOURCE_DATE_EPOCH=1767366245")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Fields(string(out))
	return lines[len(lines)-1]
}
