package agent

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExec: the arguments are those of a client-reconfig-script, and what failed is run
// again for the newest master.
func TestExec(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	refuse := out + ".refuse"
	j := onlyJob(t, &Exec{Command: Shell(`test ! -e ` + refuse + ` && echo "$@" $GOSENTINEL_GROUP $GOSENTINEL_OLD_MASTER $GOSENTINEL_MASTER $GOSENTINEL_EPOCH >> ` + out)})
	ctx := context.Background()
	step := func(port int, fails bool) {
		t.Helper()
		if _, err := j.reconcile(ctx, Snapshot{known("cache", "10.0.0.1", port), {Name: "queue"}}); (err != nil) != fails {
			t.Fatal(err)
		}
	}
	step(1, false)
	step(1, false)
	must(t, os.WriteFile(refuse, nil, 0o644))
	step(2, true)
	step(3, true)
	must(t, os.Remove(refuse))
	step(3, false)
	const want = "cache observer start 10.0.0.1 1 10.0.0.1 1 cache 10.0.0.1:1 10.0.0.1:1 1\n" +
		"cache observer start 10.0.0.1 1 10.0.0.1 3 cache 10.0.0.1:1 10.0.0.1:3 1\n"
	if got := read(t, out); got != want {
		t.Errorf("%s", unified("out", []byte(want), []byte(got)))
	}
}

// TestGroupsDoNotWait: what cannot be told of one group is no reason to say nothing of another.
func TestGroupsDoNotWait(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"cache"`) {
			w.WriteHeader(500)
			return
		}
		_ = os.WriteFile(out, body, 0o600)
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	hook := &Webhook{URL: server.URL}
	hook.check(func(key, hint, format string, args ...any) { t.Fatalf(key+": "+format, args...) }, "")
	e := quietly()
	e.http = server.Client()
	f := newFakeAPI(t)
	f.put("/apis/discovery.k8s.io/v1/namespaces/redis/endpointslices/cache-gosentinel", `{"metadata":{"name":"cache-gosentinel"}}`)
	for name, c := range map[string]struct {
		j    *job
		done func() bool
	}{
		"exec":    {onlyJob(t, &Exec{Command: Shell(`test $1 != cache && echo $1 > ` + out)}), func() bool { return read(t, out) == "queue\n" }},
		"webhook": {hook.open(e)[0], func() bool { return strings.Contains(read(t, out), "queue") }},
		"kubernetes": {onlyJob(t, f.target(t, &Kubernetes{Service: "{group}"})), func() bool {
			return slices.Contains(f.log, "POST /apis/discovery.k8s.io/v1/namespaces/redis/endpointslices")
		}},
	} {
		must(t, os.WriteFile(out, nil, 0o600))
		_, err := c.j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1), known("queue", "10.0.0.2", 1)})
		if err == nil || !strings.Contains(err.Error(), "group cache: ") || strings.Contains(err.Error(), "queue") || !c.done() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWebhookIsSentElsewhere: a redirection would turn the request into one without a body.
func TestWebhookIsSentElsewhere(t *testing.T) {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked += r.Method + " " + r.URL.Path + ";"
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/other", http.StatusFound)
		}
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	a, err := New(&Config{Sentinels: []string{"10.0.0.1:26379"}, Masters: []string{"cache"}, Targets: []Target{&Webhook{URL: server.URL + "/"}}})
	must(t, err)
	_, err = a.jobs[0].reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", 1)})
	if err == nil || !strings.Contains(err.Error(), "302 Found") || asked != "POST /;" {
		t.Error(err, asked)
	}
}

func TestExecChangesOnly(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	j := onlyJob(t, &Exec{ChangesOnly: true, Command: Program("sh", "-c", `echo "$@" >> `+out, "x")})
	for _, port := range []int{1, 2} {
		if _, err := j.reconcile(context.Background(), Snapshot{known("cache", "10.0.0.1", port)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, out); got != "cache observer start 10.0.0.1 1 10.0.0.1 2\n" {
		t.Errorf("%q", got)
	}
}

func TestWebhook(t *testing.T) {
	var got []string
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !json.Valid(body) {
			t.Errorf("%q", body)
		}
		got = append(got, strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("X-Key"), string(body)}, " "))
		w.WriteHeader(status)
		if status > 299 {
			_, _ = w.Write([]byte("no room"))
		}
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	hook := &Webhook{URL: server.URL + "/moved?key=secret", Headers: map[string]string{"X-Key": "k"}, TokenFile: write(t, "token", "abc\n")}
	hook.check(func(key, hint, format string, args ...any) { t.Fatalf(key+": "+format, args...) }, "")
	e := quietly()
	e.http = server.Client()
	j := hook.open(e)[0]
	step := func(g Group, want string) {
		t.Helper()
		if _, err := j.reconcile(context.Background(), Snapshot{g}); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatal(err)
		}
	}
	g := known("cache", "10.0.0.1", 1, Server{"10.0.0.2", 1})
	step(g, "")
	step(g, "")
	status = 500
	g.Master, g.Epoch = Server{"10.0.0.2", 1}, 2
	step(g, `the answer is 500 Internal Server Error: "no room"`)
	status = 200
	g.Master, g.Epoch, g.Replicas = Server{"10.0.0.3", 1}, 3, nil
	step(g, "")
	want := []string{
		`POST /moved Bearer abc k {"group":"cache","master":"10.0.0.1:1","epoch":1,"replicas":["10.0.0.2:1"]}`,
		`POST /moved Bearer abc k {"group":"cache","master":"10.0.0.2:1","oldMaster":"10.0.0.1:1","epoch":2,"replicas":["10.0.0.2:1"]}`,
		`POST /moved Bearer abc k {"group":"cache","master":"10.0.0.3:1","oldMaster":"10.0.0.1:1","epoch":3,"replicas":[]}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	server.Close()
	g.Epoch = 4
	step(g, "connect")
	if _, err := j.reconcile(context.Background(), Snapshot{g}); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(j.name, "secret") {
		t.Error(err)
	}
}
