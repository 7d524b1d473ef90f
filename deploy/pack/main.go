package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

const usage = `Usage: pack archive -out FILE.tar.gz -time SECONDS NAME=FILE...
       pack image -out FILE.tar -time SECONDS -platform linux/arm64 -version VERSION NAME=FILE...

NAME is the path within the archive or the image. A name that ends in "/" is an
empty directory, whose value is its mode and owner: data/=0750,65532. A file may be
followed by its mode: usr/bin/gosentinel=bin/gosentinel,0755; it is 0644 otherwise.
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("what? archive or image\n" + usage)
	}
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	out := flags.String("out", "", "file to write")
	seconds := flags.Int64("time", 0, "time of all files, in seconds since 1970")
	platform := flags.String("platform", "linux/amd64", "system and processor of an image")
	version := flags.String("version", "", "version of an image")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	at := time.Unix(*seconds, 0).UTC()
	entries, err := readEntries(flags.Args())
	switch {
	case err != nil:
		return err
	case *out == "" || len(entries) == 0:
		return errors.New("-out and at least one file are needed\n" + usage)
	}
	var text []byte
	switch args[0] {
	case "archive":
		text, err = archive(entries, at)
	case "image":
		system, processor, ok := strings.Cut(*platform, "/")
		if !ok || *version == "" {
			return errors.New("an image needs -platform system/processor and -version")
		}
		text, err = image(entries, description{system: system, processor: processor, version: *version, at: at})
	default:
		return fmt.Errorf("unknown command %q\n%s", args[0], usage)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(*out, text, 0o644)
}
