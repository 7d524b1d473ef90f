package main

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// tutorial holds the six configuration files, byte for byte. The Sentinels' files
// lack a newline at the end, as in the tutorial.
//
//go:embed tutorial
var tutorial embed.FS

const (
	masterName = "redis-cluster"
	nodes      = 3
	// The ports of node 1; the other nodes have the next ones.
	firstServerPort, firstSentinelPort = 6380, 16380
)

func tutorialFile(node int, name string) (string, error) {
	b, err := tutorial.ReadFile(fmt.Sprintf("tutorial/node%d/%s", node, name))
	return string(b), err
}

var number = regexp.MustCompile(`\b\d+\b`)

// withPorts replaces the tutorial's port numbers that are taken on this machine.
func withPorts(conf string, instead map[int]int) string {
	return number.ReplaceAllStringFunc(conf, func(digits string) string {
		n, err := strconv.Atoi(digits)
		if port, ok := instead[n]; ok && err == nil {
			return strconv.Itoa(port)
		}
		return digits
	})
}

var downAfterLine = regexp.MustCompile(`(?m)^(sentinel down-after-milliseconds \S+) (\d+)$`)

// withDownAfter replaces down-after-milliseconds; 0 leaves it as it is.
func withDownAfter(conf string, d time.Duration) string {
	if d == 0 {
		return conf
	}
	return downAfterLine.ReplaceAllString(conf, "$1 "+strconv.FormatInt(d.Milliseconds(), 10))
}

// downAfterOf reads down-after-milliseconds from a file.
func downAfterOf(conf string) (time.Duration, error) {
	m := downAfterLine.FindStringSubmatch(conf)
	if m == nil {
		return 0, fmt.Errorf("no down-after-milliseconds in %q", conf)
	}
	ms, err := strconv.Atoi(m[2])
	return time.Duration(ms) * time.Millisecond, err
}
