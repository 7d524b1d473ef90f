package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// pageAge is how old a page may be that is shown, and how often it is looked at for
// changes.
const pageAge = time.Second

var (
	//go:embed page.css
	style string
	//go:embed page.js
	script string
	//go:embed page.html
	layoutText string

	layout = template.Must(template.New("page").Parse(layoutText))

	// policy lets a browser run nothing but the script above, whatever names and texts
	// of others a page shows, and fetch nothing from elsewhere.
	policy = strings.Join([]string{
		"default-src 'none'", "style-src " + source(style), "script-src " + source(script), "connect-src 'self'", "img-src data:",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
)

func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (s *shown) servePage(w http.ResponseWriter, r *http.Request) {
	n, err := pageNumber(r)
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	page, err := s.page(r.Context(), n)
	switch {
	case errors.Is(err, ErrNoPage):
		fail(w, http.StatusNotFound, err)
		return
	case err != nil:
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("the program does not say how it is: %w", err))
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	send(w, "text/html; charset=utf-8", page.html)
}

// section is a part with the element that holds it.
type section struct {
	ID   string        `json:"id"`
	HTML template.HTML `json:"html"`
}

// rendered is a page as it is sent, made once for all who look.
type rendered struct {
	title    string
	sections []section
	html     []byte // all of it
}

func (s *shown) render(p Page) (rendered, error) {
	list := make([]section, len(p.Parts))
	for i, part := range p.Parts {
		part.HTML = template.HTML(Clean(string(part.HTML)))
		h := fnv.New64a()
		h.Write([]byte(part.HTML))
		list[i] = section{part.ID, template.HTML(fmt.Sprintf("<section id=%q data-v=\"%x\">\n%s</section>", part.ID, h.Sum64(), part.HTML))}
	}
	r := rendered{title: Clean(p.Title), sections: list}
	var b bytes.Buffer
	err := layout.Execute(&b, map[string]any{
		"Name": s.Name, "Title": r.title, "Parts": r.sections, "Style": template.CSS(style), "Script": template.JS(script),
	})
	r.html = b.Bytes()
	return r, err
}
