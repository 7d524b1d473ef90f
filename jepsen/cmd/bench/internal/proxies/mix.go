package proxies

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// mix is a load such as memtier_benchmark makes.
type mix struct {
	conns    int
	pipeline int     // requests in a row
	rate     float64 // requests per second; 0: as many as there are replies
}

// What the mix consists of.
const (
	mixKeys  = 10_000
	mixReads = 10 // to a write
	mixLeast = 32 // bytes of a value
	mixMost  = 1024
)

var filler = strings.Repeat("x", mixMost)

// generator writes the requests of a mix.
type generator struct{ rnd *rand.Rand }

func newGenerator() *generator { return &generator{rand.New(rand.NewPCG(1, 2))} }

// next appends a request.
func (g *generator) next(b []byte) []byte {
	key := g.rnd.IntN(mixKeys)
	if g.rnd.IntN(mixReads+1) == 0 {
		return appendSet(b, key, mixLeast+g.rnd.IntN(mixMost-mixLeast+1))
	}
	b = append(b, "*2\r\n$3\r\nGET\r\n"...)
	return appendKey(b, key)
}

func appendKey(b []byte, key int) []byte { return fmt.Appendf(b, "$8\r\nkey:%04d\r\n", key) }

func appendSet(b []byte, key, size int) []byte {
	b = append(b, "*3\r\n$3\r\nSET\r\n"...)
	b = appendKey(b, key)
	b = append(b, '$')
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, "\r\n"...)
	b = append(b, filler[:size]...)
	return append(b, "\r\n"...)
}

// outcome is what a load has seen.
type outcome struct {
	done, errors int
	took         time.Duration
	waits        []time.Duration // of each batch of requests
}

func (o outcome) perSecond() float64 { return float64(o.done) / o.took.Seconds() }

// quantile returns how long all but a part of the requests took at most.
func (o *outcome) quantile(q float64) time.Duration {
	if len(o.waits) == 0 {
		return 0
	}
	slices.Sort(o.waits)
	return trial.Quantile(o.waits, q)
}

// replies counts replies of one line and bulk strings in what has arrived, in any pieces.
type replies struct {
	rest   []byte
	skip   int // bytes of a string, with its end, that are still to come
	errors int
}

// count returns how many replies have ended.
func (r *replies) count(b []byte) (n int, err error) {
	if len(r.rest) > 0 {
		b = append(r.rest, b...)
		r.rest = nil
	}
	for len(b) > 0 {
		if r.skip > 0 {
			k := min(r.skip, len(b))
			b, r.skip = b[k:], r.skip-k
			if r.skip == 0 {
				n++
			}
			continue
		}
		i := slices.Index(b, '\n')
		if i < 0 {
			r.rest = slices.Clone(b)
			return n, nil
		}
		line := b[:i]
		b = b[i+1:]
		switch line[0] {
		case '-':
			r.errors++
			n++
		case '+', ':':
			n++
		case '$':
			size, err := strconv.Atoi(strings.TrimSpace(string(line[1:])))
			if err != nil {
				return n, err
			}
			if size < 0 {
				n++
			} else {
				r.skip = size + 2
			}
		default:
			return n, fmt.Errorf("a reply begins with %q", line)
		}
	}
	return n, nil
}
