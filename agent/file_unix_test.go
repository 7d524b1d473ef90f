//go:build unix

package agent

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFileIsPipe: nobody may ever write into it, so it is not opened.
func TestFileIsPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o644))
	j := onlyJob(t, &Template{Text: oneLine, FileSettings: FileSettings{File: path}})
	if _, err := j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1)}); err == nil || causeOf(err) != causeRead || !strings.Contains(err.Error(), "is no regular file") {
		t.Error(err)
	}
}
