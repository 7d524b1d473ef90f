package tomlfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory. It is written "64MiB", or "512" for bytes.
type Bytes int64

var units = []struct {
	name string
	size int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {"", 1}}

// String returns what UnmarshalText reads, with the largest unit that leaves no rest.
func (b Bytes) String() string {
	best := units[len(units)-2] // "B"
	for _, u := range units {
		if u.size > best.size && b != 0 && int64(b)%u.size == 0 {
			best = u
		}
	}
	return strconv.FormatInt(int64(b)/best.size, 10) + best.name
}

// UnmarshalText reads an amount.
func (b *Bytes) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if ok && err == nil && n >= 0 && n <= math.MaxInt64/u.size {
			*b = Bytes(n * u.size)
			return nil
		}
	}
	return fmt.Errorf("%q is no amount of memory: write it like \"64MiB\", \"512KiB\" or \"1GiB\"", text)
}
