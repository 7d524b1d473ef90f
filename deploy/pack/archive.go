package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is a file or an empty directory of an archive.
type entry struct {
	name  string // with a "/" at its end for a directory
	mode  int64
	owner int // and group
	text  []byte
}

func readEntries(args []string) ([]entry, error) {
	var all []entry
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" || path.IsAbs(name) || strings.Contains(name, "..") {
			return nil, fmt.Errorf("%q is not NAME=FILE with a relative name", arg)
		}
		e := entry{name: name, mode: 0o644}
		file, rest, _ := strings.Cut(value, ",")
		if strings.HasSuffix(name, "/") {
			file, rest, e.mode = "", value, 0o755
		}
		if err := e.attributes(rest); err != nil {
			return nil, fmt.Errorf("%q: %w", arg, err)
		}
		if file != "" {
			var err error
			if e.text, err = os.ReadFile(file); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// attributes reads MODE or MODE,OWNER.
func (e *entry) attributes(text string) error {
	if text == "" {
		return nil
	}
	mode, owner, _ := strings.Cut(text, ",")
	var err error
	if e.mode, err = strconv.ParseInt(mode, 8, 16); err != nil {
		return err
	}
	if owner != "" {
		e.owner, err = strconv.Atoi(owner)
	}
	return err
}

// archive returns a compressed archive of the entries.
func archive(entries []entry, at time.Time) ([]byte, error) {
	text, err := layer(entries, at)
	if err != nil {
		return nil, err
	}
	return compressed(text)
}

// layer returns an archive of the entries, each below the directories that it needs.
func layer(entries []entry, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	made := map[string]bool{".": true, "/": true}
	for _, e := range entries {
		if err := directories(w, path.Dir(strings.TrimSuffix(e.name, "/")), at, made); err != nil {
			return nil, err
		}
		made[strings.TrimSuffix(e.name, "/")] = true
		if err := add(w, e, at); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func directories(w *tar.Writer, dir string, at time.Time, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	made[dir] = true
	if err := directories(w, path.Dir(dir), at, made); err != nil {
		return err
	}
	return add(w, entry{name: dir + "/", mode: 0o755}, at)
}

func add(w *tar.Writer, e entry, at time.Time) error {
	h := &tar.Header{
		Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, ModTime: at, Format: tar.FormatUSTAR,
		Typeflag: tar.TypeReg, Size: int64(len(e.text)),
	}
	if strings.HasSuffix(e.name, "/") {
		h.Typeflag = tar.TypeDir
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(e.text)
	return err
}

// compressed has neither a name nor a time in its header.
func compressed(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}
