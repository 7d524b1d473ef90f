package console

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// family describes a metric that is taken from a snapshot.
//
// With 1,000 masters there are 25,000 of them. A registry would check each against all
// others at every scrape, which took as long as the rest. Here a series is one of a
// master, and names of masters are different.
type family struct {
	name, help string
	labels     []string
	place      []int // of each label among all, by name
}

// desc describes a metric.
func desc(name, help string, labels ...string) *family {
	f := &family{name, help, labels, make([]int, len(labels))}
	sorted := slices.Sorted(slices.Values(labels))
	for i, l := range labels {
		f.place[i] = slices.Index(sorted, l)
	}
	return f
}

// families are the metrics of one scrape.
type families struct {
	of   map[*family]*dto.MetricFamily
	list []*dto.MetricFamily
}

// add appends a metric of a family, and returns it without a value.
func (fs *families) add(f *family, typ dto.MetricType, labels []string) *dto.Metric {
	if len(labels) != len(f.labels) {
		panic(fmt.Sprintf("console: %s has %d labels, not %d", f.name, len(f.labels), len(labels)))
	}
	in := fs.of[f]
	if in == nil {
		in = &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &typ}
		fs.of[f] = in
		fs.list = append(fs.list, in)
	}
	m := &dto.Metric{Label: make([]*dto.LabelPair, len(labels))}
	for i := range labels {
		m.Label[f.place[i]] = &dto.LabelPair{Name: &f.labels[i], Value: proto.String(text(labels[i]))}
	}
	in.Metric = append(in.Metric, m)
	return m
}

func (fs *families) gauge(f *family, v float64, labels ...string) {
	fs.add(f, dto.MetricType_GAUGE, labels).Gauge = &dto.Gauge{Value: &v}
}

func (fs *families) counter(f *family, v float64, labels ...string) {
	fs.add(f, dto.MetricType_COUNTER, labels).Counter = &dto.Counter{Value: &v}
}

// text returns a word as labels can have it. The name of a master may have any bytes, and
// those that are no text are written as in a log: two names stay two.
func text(word string) string {
	if utf8.ValidString(word) {
		return word
	}
	var b strings.Builder
	for len(word) > 0 {
		r, n := utf8.DecodeRuneInString(word)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, word[0])
		} else {
			b.WriteString(word[:n])
		}
		word = word[n:]
	}
	return b.String()
}

// gatherer joins what a snapshot tells with what is counted.
type gatherer struct {
	collector *collector
	counted   prometheus.Gatherer
}

// Gather implements [prometheus.Gatherer].
func (g gatherer) Gather() ([]*dto.MetricFamily, error) {
	counted, err := g.counted.Gather()
	all := append(g.collector.families(), counted...)
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, err
}
