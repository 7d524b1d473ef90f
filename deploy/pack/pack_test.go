package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packed runs the command, with files of a directory that is made anew, and returns
// what it has written.
func packed(t *testing.T, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	program := filepath.Join(dir, "gosentinel")
	if err := os.WriteFile(program, []byte("the program"), 0o700); err != nil {
		t.Fatal(err)
	}
	args = append(args, "usr/bin/gosentinel="+program+",0755", "etc/sentinel.conf="+program, "var/lib/gosentinel/=0750,65532")
	if err := run(append(args[:1:1], append([]string{"-out", out, "-time", "1767366245"}, args[1:]...)...)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// files reads an archive: "d" or "f", mode, owner and time of each name, and its text.
func files(t *testing.T, text []byte) (list []string, texts map[string][]byte) {
	t.Helper()
	texts = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h.FileInfo().Mode().String()+" "+h.Name)
		if h.ModTime.Unix() != 1767366245 || h.Uid != h.Gid || (h.Uid == 65532) != (h.Name == "var/lib/gosentinel/") {
			t.Errorf("%s: time %v, owner %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		if texts[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func unzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var wantFiles = []string{
	"drwxr-xr-x etc/", "-rw-r--r-- etc/sentinel.conf", "drwxr-xr-x usr/", "drwxr-xr-x usr/bin/", "-rwxr-xr-x usr/bin/gosentinel",
	"drwxr-xr-x var/", "drwxr-xr-x var/lib/", "drwxr-x--- var/lib/gosentinel/",
}

func TestArchive(t *testing.T) {
	text := packed(t, "archive")
	list, texts := files(t, unzipped(t, text))
	if !slices.Equal(list, wantFiles) || string(texts["usr/bin/gosentinel"]) != "the program" {
		t.Errorf("%q", list)
	}
	if !bytes.Equal(text, packed(t, "archive")) {
		t.Error("a second run writes other bytes")
	}
}

// TestImage follows the image as an engine does, from index.json to the files.
func TestImage(t *testing.T) {
	args := []string{"image", "-platform", "linux/arm64", "-version", "1.2.3-dev.4+abc"}
	text := packed(t, args...)
	if !bytes.Equal(text, packed(t, args...)) {
		t.Error("a second run writes other bytes")
	}
	_, parts := files(t, text)
	get := func(b blob) []byte {
		t.Helper()
		part, ok := parts[b.path()]
		if !ok || digest(part) != b.Digest || len(part) != b.Size {
			t.Fatalf("%s: there %v, %d bytes of %d, %s", b.Digest, ok, len(part), b.Size, digest(part))
		}
		return part
	}
	decode := func(text []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatal(err)
		}
	}
	var index struct{ Manifests []blob }
	decode(parts["index.json"], &index)
	var manifest struct {
		Config blob
		Layers []blob
	}
	decode(get(index.Manifests[0]), &manifest)
	var config imageConfig
	decode(get(manifest.Config), &config)
	root := unzipped(t, get(manifest.Layers[0]))
	if list, _ := files(t, root); !slices.Equal(list, wantFiles) || config.RootFS.DiffIDs[0] != digest(root) {
		t.Errorf("%q, %s", list, config.RootFS.DiffIDs)
	}
	if config.Architecture != "arm64" || config.Config.User != "65532:65532" || config.Config.StopSignal != "SIGTERM" {
		t.Errorf("%+v", config)
	}
	if name := index.Manifests[0].Notes["io.containerd.image.name"]; name != "localhost/gosentinel:1.2.3-dev.4_abc" {
		t.Errorf("it is called %s", name)
	}
	var docker []struct {
		Config           string
		RepoTags, Layers []string
	}
	decode(parts["manifest.json"], &docker)
	if docker[0].Config != manifest.Config.path() || docker[0].Layers[0] != manifest.Layers[0].path() ||
		!slices.Equal(docker[0].RepoTags, []string{"localhost/gosentinel:1.2.3-dev.4_abc", "localhost/gosentinel:latest"}) {
		t.Errorf("%+v", docker)
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "archive or image",
		"zip -out x a=/dev/null":                 `unknown command "zip"`,
		"archive -out x":                         "at least one file",
		"archive -out x /etc/passwd=/etc/passwd": "relative name",
		"archive -out x a/../b=/dev/null":        "relative name",
		"archive -out x a=/dev/null,9":           "invalid syntax",
		"archive -out x a=/nowhere/at/all":       "no such file",
		"image -out x a=/dev/null":               "-version",
		"image -out x -version 1 -platform linux a=/dev/null": "-platform",
	} {
		if err := run(strings.Fields(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
