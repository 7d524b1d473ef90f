package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// scrapeRows are what it costs to be looked at.
var scrapeRows = []Row{{
	Name: "scrape", Text: "1,000 masters and replicas, /metrics read once a second", Own: true, Timeout: 10 * time.Minute,
	Figures: []Figure{
		absolute("a scrape", "ms", 50, 100), told("/metrics", "kB"),
		told("longest stall without scrapes", "ms"), told("with scrapes", "ms"), told("with, to without", "×"),
	},
	Run: func(ctx context.Context, s *stage) ([]float64, error) {
		port, err := s.c.Port()
		if err != nil {
			return nil, err
		}
		set := pairs(s.size(1000, 100), 30*time.Second)
		set.lines = []string{fmt.Sprint("http-port ", port)}
		if err := s.enter(ctx, set); err != nil {
			return nil, err
		}
		// What is asked for is the longest stall of the last one or two minutes.
		while := s.span(130*time.Second, 3*time.Second)
		if err := rest(ctx, while); err != nil {
			return nil, err
		}
		without, err := recentStall(ctx, s)
		if err != nil {
			return nil, err
		}
		took, bytes, err := scrape(ctx, fmt.Sprintf("http://127.0.0.1:%d/metrics", port), while)
		if err != nil {
			return nil, err
		}
		with, err := recentStall(ctx, s)
		return []float64{milliseconds(took), float64(bytes) / 1000, without, with, with / without}, err
	},
}}

// recentStall returns for how long the loop was held up lately, in milliseconds.
func recentStall(ctx context.Context, s *stage) (float64, error) {
	us, err := field(ctx, s.sentinels[0], "sentinel", "sentinel_loop_stall_recent_us")
	return us / 1000, err
}

// scrape reads a page once a second for a while. It returns the median of the times and
// the length of the last answer.
func scrape(ctx context.Context, url string, while time.Duration) (median time.Duration, bytes int, err error) {
	var all []time.Duration
	for end := time.Now().Add(while); time.Now().Before(end); {
		begun := time.Now()
		if bytes, err = readPage(ctx, url); err != nil {
			return 0, 0, err
		}
		all = append(all, time.Since(begun))
		if err := rest(ctx, time.Until(begun.Add(time.Second))); err != nil {
			return 0, 0, err
		}
	}
	slices.Sort(all)
	return all[len(all)/2], bytes, nil
}

func readPage(ctx context.Context, url string) (bytes int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	return len(text), err
}
