package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// maxAPIReply bounds what the API server may say: some thousands of pods.
const maxAPIReply = 64 << 20

// metadata is what every object of Kubernetes has, as far as it matters here.
type metadata struct {
	Name            string            `json:"name,omitempty"`
	Namespace       string            `json:"namespace,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
}

// call makes a request to the API server and decodes its answer. A 404 is errNotFound.
func (k *kubernetesWorker) call(ctx context.Context, method, path, contentType string, body, into any) error {
	if k.client == nil {
		c, err := tlsConfig(k.CA, "", "", "")
		if err != nil {
			return err
		}
		// No connection is kept: there is one request every now and then, and a kept one
		// may lead to an API server that has gone.
		k.client = &http.Client{Timeout: requestTimeout, Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}, CheckRedirect: stayHere}
	}
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, k.API+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	token, err := readSecret(k.TokenFile) // it is replaced every hour
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAPIReply+1))
	switch {
	case err != nil:
		return err
	case len(answer) > maxAPIReply:
		return fmt.Errorf("%s %s: the answer has more than %d MiB", method, path, maxAPIReply>>20)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", method, path, errNotFound)
	case resp.StatusCode/100 != 2:
		var status struct{ Message string }
		_ = json.Unmarshal(answer, &status) // without a message the status says enough
		return fmt.Errorf("%s %s: %s %.300s", method, path, resp.Status, status.Message)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// The forms of a body.
const (
	jsonBody   = "application/json"
	mergePatch = "application/merge-patch+json"
)
