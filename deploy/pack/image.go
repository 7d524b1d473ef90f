package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// The user of the image: a number that is nobody's on usual systems, and that
// Kubernetes can tell from root. Images without a distribution use the same.
const imageUser = 65532

// description is what an image says about itself.
type description struct {
	system, processor string
	version           string
	at                time.Time
}

// blob is a part of an image, which others name by its digest.
type blob struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int               `json:"size"`
	Platform  *platform         `json:"platform,omitempty"`
	Notes     map[string]string `json:"annotations,omitempty"`

	text []byte
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// imageConfig is an OCI image configuration.
type imageConfig struct {
	Created      string       `json:"created"`
	Architecture string       `json:"architecture"`
	OS           string       `json:"os"`
	Config       runConfig    `json:"config"`
	RootFS       rootFS       `json:"rootfs"`
	History      []madeByThis `json:"history"`
}

// runConfig is how a container runs if nobody says otherwise.
type runConfig struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type madeByThis struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

const (
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
)

// imageName is what the image is called where it is loaded.
const imageName = "localhost/gosentinel"

// image returns an archive that is an OCI layout, and by one more file also what
// `docker load` of any release takes.
func image(entries []entry, d description) ([]byte, error) {
	root, err := layer(entries, d.at)
	if err != nil {
		return nil, err
	}
	packed, err := compressed(root)
	if err != nil {
		return nil, err
	}
	files := blobOf(typeLayer, packed)
	config := jsonBlob(typeConfig, d.config(digest(root)))
	manifest := jsonBlob(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": []blob{files},
		"annotations": d.labels(),
	})
	tags := []string{tagOf(d.version), "latest"}
	index := map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": named(manifest, d, tags)}
	docker := []map[string]any{{
		"Config": config.path(), "Layers": []string{files.path()},
		"RepoTags": []string{imageName + ":" + tags[0], imageName + ":" + tags[1]},
	}}
	parts := []entry{
		{name: "oci-layout", mode: 0o644, text: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", mode: 0o644, text: mustJSON(index)},
		{name: "manifest.json", mode: 0o644, text: mustJSON(docker)},
	}
	for _, b := range []blob{config, files, manifest} {
		parts = append(parts, entry{name: b.path(), mode: 0o644, text: b.text})
	}
	return layer(parts, d.at)
}

// named lists a manifest once for each tag. containerd reads the whole name, others
// only the tag.
func named(manifest blob, d description, tags []string) (list []blob) {
	for _, tag := range tags {
		one := manifest
		one.Platform = &platform{d.processor, d.system}
		one.Notes = map[string]string{"io.containerd.image.name": imageName + ":" + tag, "org.opencontainers.image.ref.name": tag}
		list = append(list, one)
	}
	return list
}

func (d description) config(diffID string) imageConfig {
	at := d.at.Format(time.RFC3339)
	return imageConfig{
		Created: at, Architecture: d.processor, OS: d.system,
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{diffID}},
		History: []madeByThis{{Created: at, CreatedBy: "gosentinel deploy/pack"}},
		Config: runConfig{
			User:         fmt.Sprintf("%d:%d", imageUser, imageUser),
			ExposedPorts: map[string]struct{}{"26379/tcp": {}},
			Entrypoint:   []string{"/usr/bin/gosentinel"},
			Cmd:          []string{"/etc/gosentinel/sentinel.conf"},
			Volumes:      map[string]struct{}{"/var/lib/gosentinel": {}},
			WorkingDir:   "/var/lib/gosentinel",
			Labels:       d.labels(),
			StopSignal:   "SIGTERM",
		},
	}
}

func (d description) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "gosentinel",
		"org.opencontainers.image.description": "Fast failovers for Redis and Valkey, in place of redis-sentinel",
		"org.opencontainers.image.licenses":    "MIT",
		"org.opencontainers.image.version":     d.version,
		"org.opencontainers.image.created":     d.at.Format(time.RFC3339),
	}
}

// tagOf makes a tag of a version: a "+" may not stand in one.
func tagOf(version string) string {
	tag := []byte(version)
	for i, c := range tag {
		if c == '+' {
			tag[i] = '_'
		}
	}
	return string(tag)
}

func blobOf(mediaType string, text []byte) blob {
	return blob{MediaType: mediaType, Digest: digest(text), Size: len(text), text: text}
}

func jsonBlob(mediaType string, v any) blob { return blobOf(mediaType, mustJSON(v)) }

// mustJSON writes values of this file, all of which can be written.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// path is where the blob lies in a layout.
func (b blob) path() string { return "blobs/sha256/" + b.Digest[len("sha256:"):] }
