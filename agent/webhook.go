package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Webhook sends an HTTP request with a JSON body when the master or the replicas of a
// group have changed, and for each group when the agent starts. It is sent again until
// the status is 2xx, with the newest state only; receivers compare the epoch.
type Webhook struct {
	Common
	URL         string            `toml:"url"`
	Method      string            `toml:"method"` // empty means POST
	Headers     map[string]string `toml:"headers"`
	TokenFile   string            `toml:"token-file"` // sent as "Authorization: Bearer …", read for each request
	ChangesOnly bool              `toml:"changes-only"`
	MasterOnly  bool              `toml:"master-only"` // replicas that come and go are no news
}

// WebhookBody is the body of a request.
type WebhookBody struct {
	Group     string   `json:"group"`
	Master    string   `json:"master"`              // host:port
	OldMaster string   `json:"oldMaster,omitempty"` // that was told before; absent at the start
	Epoch     uint64   `json:"epoch"`               // higher is newer
	Replicas  []string `json:"replicas"`
}

func (h *Webhook) check(wrong problems, dir string) {
	h.Type = "webhook"
	absolute(dir, &h.TokenFile)
	h.Method = cmp.Or(h.Method, http.MethodPost)
	u, err := url.Parse(h.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		wrong("url", `write it like "https://example.com/redis-moved"`, "the url is none for HTTP")
		return
	}
	h.describe(u.Host + u.Path) // what follows may be secret
}

func (h *Webhook) open(e *environment) []*job {
	return []*job{newJob(&h.Common, h.Name, fileEvery, &webhookWorker{h, e, e.log, told{}})}
}

type webhookWorker struct {
	*Webhook
	env  *environment
	log  *slog.Logger
	told told
}

func (h *webhookWorker) same(a, b Group) bool {
	return a.Master == b.Master && a.Epoch == b.Epoch && (h.MasterOnly || slices.Equal(a.Replicas, b.Replicas))
}

func (h *webhookWorker) plan(_ context.Context, s Snapshot) (*plan, error) {
	news := h.told.news(s, h.ChangesOnly, h.same)
	if len(news) == 0 {
		return nil, nil
	}
	var diff strings.Builder
	for _, g := range news {
		fmt.Fprintf(&diff, "+ %s %s %s\n", h.Method, h.Name, h.body(g))
	}
	return &plan{diff.String(), func(ctx context.Context) error {
		var errs []error // one group does not keep the others waiting
		for _, g := range news {
			if err := h.send(ctx, g); err != nil {
				errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
				continue
			}
			h.log.Info("Webhook has been called", "target", h.Name, "group", g.Name, "master", g.Master.String())
			h.told[g.Name] = g
		}
		return failed(causeWrite, errors.Join(errs...))
	}}, nil
}

func (h *webhookWorker) body(g Group) []byte {
	b := WebhookBody{Group: g.Name, Master: g.Master.String(), Epoch: g.Epoch, Replicas: []string{}}
	if before, has := h.told[g.Name]; has {
		b.OldMaster = before.Master.String()
	}
	for _, r := range g.Replicas {
		b.Replicas = append(b.Replicas, r.String())
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // texts and numbers can always be encoded
	}
	return text
}

func (h *webhookWorker) send(ctx context.Context, g Group) error {
	req, err := http.NewRequestWithContext(ctx, h.Method, h.URL, bytes.NewReader(h.body(g)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if h.TokenFile != "" {
		token, err := readSecret(h.TokenFile)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range h.Headers {
		req.Header.Set(name, value)
	}
	resp, err := h.env.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // of use in the message only
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the answer is %s: %.200q", resp.Status, text)
	}
	return nil
}

// userAgent is how requests name this program.
const userAgent = "gosentinel-agent"

// withoutURL takes the URL out of an error: there may be a secret in it.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
