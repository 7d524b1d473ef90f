package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/sentineltest"
)

const page = "../docs/agent.md"

// blocks returns the examples of the page in one language.
func blocks(t *testing.T, language string) (list []string) {
	t.Helper()
	for _, part := range strings.Split(read(t, page), "```"+language+"\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		list = append(list, text)
	}
	return list
}

// TestPageBegins: what the page begins with works as it stands, at the Sentinels of a test.
func TestPageBegins(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	dir := t.TempDir()
	path, hosts := filepath.Join(dir, "agent.toml"), filepath.Join(dir, "hosts")
	text := strings.NewReplacer("127.0.0.1:26379", c.Addrs()[0], "/etc/hosts", hosts).Replace(blocks(t, "toml")[0])
	must(t, os.WriteFile(path, []byte(text), 0o644))
	cfg, err := Load(path)
	must(t, err)
	a, err := New(cfg)
	must(t, err)
	must(t, a.Once(context.Background(), nil))
	if got := read(t, hosts); !strings.Contains(got, "\n127.0.0.1 mymaster # mymaster\n") {
		t.Error(got)
	}
	if n := strings.Count(text, "\n"); n != 5 {
		t.Errorf("it has %d lines", n)
	}
}

// TestPageExamples: the other examples have no mistakes, and the page has every type and
// function.
func TestPageExamples(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	for _, text := range blocks(t, "toml") {
		if !strings.Contains(text, "sentinels") {
			text = "sentinels = [\"10.0.0.1\"]\nmasters = [\"cache\"]\n" + text
		}
		_, err := Parse("docs/agent.md", []byte(text), "/etc")
		if err != nil && !strings.HasSuffix(err.Error(), `the namespace is not known (outside of a pod, add namespace = "default")`) {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	text := read(t, page)
	for kind := range kinds {
		if !strings.Contains(text, "`"+kind+"`") {
			t.Errorf("the page does not have the type %s", kind)
		}
	}
	for name := range templateFuncs(nil) {
		if !strings.Contains(text, "`"+name) {
			t.Errorf("the page does not have the function %s", name)
		}
	}
}
