package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	maxViewers = 64               // who get changes as they happen; further ones load the page again
	quiet      = 15 * time.Second // after which a line is sent that says nothing, so that a lost viewer is noticed
)

// serveEvents sends what changes on a page for as long as somebody looks: first the
// whole page, since it may have changed after it was loaded, and then the parts that
// change.
func (s *shown) serveEvents(w http.ResponseWriter, r *http.Request) {
	n, err := pageNumber(r)
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	select {
	case s.viewers <- struct{}{}:
		defer func() { <-s.viewers }()
	default:
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d are looking already; load the page again from time to time", maxViewers))
		return
	}
	head(w, "text/event-stream")
	v := &viewer{w: w, out: http.NewResponseController(w)}
	_ = v.out.SetReadDeadline(time.Time{}) // nothing more is to be read
	tick := time.NewTicker(pageAge)
	defer tick.Stop()
	for {
		page, err := s.page(r.Context(), n)
		switch {
		case errors.Is(err, ErrNoPage): // there are fewer pages now
			return
		case err != nil:
			err = v.send("trouble", map[string]string{"text": "the program does not say how it is"})
		default:
			err = v.show(page)
		}
		if err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// viewer is somebody who looks at a page.
type viewer struct {
	w    http.ResponseWriter
	out  *http.ResponseController
	ids  []string
	has  map[string]section
	sent time.Time
}

// show sends what the viewer does not have yet.
func (v *viewer) show(p rendered) error {
	list := p.sections
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.ID
	}
	defer func() {
		v.ids, v.has = ids, make(map[string]section, len(list))
		for _, s := range list {
			v.has[s.ID] = s
		}
	}()
	if v.has == nil || !slices.Equal(ids, v.ids) {
		return v.send("whole", map[string]any{"title": p.title, "parts": list})
	}
	var changed []section
	for _, s := range list {
		if s != v.has[s.ID] {
			changed = append(changed, s)
		}
	}
	if changed != nil {
		return v.send("parts", map[string]any{"title": p.title, "parts": changed})
	}
	if time.Since(v.sent) > quiet {
		return v.write([]byte(":\n\n"))
	}
	return nil
}

func (v *viewer) send(kind string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return v.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, text))
}

// write gives a viewer who does not read little time.
func (v *viewer) write(text []byte) error {
	if err := v.out.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := v.w.Write(text); err != nil {
		return err
	}
	v.sent = time.Now()
	return v.out.Flush()
}
