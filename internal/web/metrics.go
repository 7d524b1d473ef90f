package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
)

// metricsAge is how old the answer to a scrape may be. Scrapers that do not read share
// one text, so they cost nothing but their connections.
const metricsAge = 500 * time.Millisecond

var metricsFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

// gather writes the metrics in the text format.
func (s *shown) gather(context.Context) ([]byte, error) {
	families, err := s.Metrics.Gather()
	if err != nil && len(families) == 0 {
		return nil, fmt.Errorf("the metrics cannot be collected: %w", err)
	}
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, metricsFormat)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return nil, fmt.Errorf("the metrics cannot be written: %w", err)
		}
	}
	return b.Bytes(), nil
}

func (s *shown) serveMetrics(w http.ResponseWriter, r *http.Request) {
	text, err := s.metrics.Get(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	send(w, string(metricsFormat), text)
}
