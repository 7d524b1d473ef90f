package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

var writeMan = flag.Bool("write", false, "write docs/man anew")

// manDir has the manual pages, for packages to install.
var manDir = filepath.Join("..", "..", "docs", "man")

// TestManPages: the manual pages say what help says.
func TestManPages(t *testing.T) {
	root := (&program{}).tree()
	root.DisableAutoGenTag = true
	pages := map[string][]byte{}
	for _, c := range append(root.Commands(), root) {
		if c.Name() == "help" || c.Name() == "completion" {
			c.Hidden = true // help is what these pages say, and each shell describes its completion
			continue
		}
		c.Long = manText(c.Long)
		var b bytes.Buffer
		then := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		if err := doc.GenMan(c, &doc.GenManHeader{Section: "1", Source: "gosentinel", Manual: "gosentinel", Date: &then}, &b); err != nil {
			t.Fatal(err)
		}
		pages[strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"] = b.Bytes()
	}
	if *writeMan {
		if err := os.MkdirAll(manDir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range pages {
		path := filepath.Join(manDir, name)
		if *writeMan {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, text) {
			t.Errorf("%s is not what help says: run go test ./cmd/gosentinel -run TestManPages -write (%v)", path, err)
		}
	}
	if there, _ := filepath.Glob(filepath.Join(manDir, "*.1")); len(there) != len(pages) {
		t.Errorf("%d pages, and %d commands", len(there), len(pages))
	}
}

// manText makes Markdown of a description: indented lines, and those of a usage, are kept as they are.
func manText(text string) string {
	var b strings.Builder
	kept := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		keep := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "Usage:")
		if keep != kept {
			b.WriteString("\n")
		}
		if kept = keep; keep {
			line = "    " + line
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
