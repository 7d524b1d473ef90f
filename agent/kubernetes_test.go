package agent

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeAPI is an API server that keeps objects as JSON, by path. It knows versions of
// objects, merge patches and label selectors of the form a=b.
type fakeAPI struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]map[string]any
	version int
	log     []string // requests that change something
	refuse  string   // path of which changes are refused
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{objects: map[string]map[string]any{}}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust it is part of the tests
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

// target returns one that speaks with the server.
func (f *fakeAPI) target(t *testing.T, k *Kubernetes) *Kubernetes {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	k.API, k.Namespace, k.CA, k.TokenFile = f.URL, "redis", write(t, "ca", string(ca)), write(t, "token", "right\n")
	return k
}

func (f *fakeAPI) put(path, object string) {
	o := map[string]any{}
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(path, o)
}

func (f *fakeAPI) store(path string, o map[string]any) {
	f.version++
	child(o, "metadata")["resourceVersion"] = fmt.Sprint(f.version)
	f.objects[path] = o
}

func child(o map[string]any, key string) map[string]any {
	c, ok := o[key].(map[string]any)
	if !ok {
		c = map[string]any{}
		o[key] = c
	}
	return c
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	say := func(status int, o any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(o)
	}
	deny := func(status int, why string) { say(status, map[string]string{"kind": "Status", "message": why}) }
	if r.Header.Get("Authorization") != "Bearer right" {
		deny(401, "Unauthorized")
		return
	}
	body := map[string]any{}
	if text, _ := io.ReadAll(r.Body); len(text) > 0 {
		if err := json.Unmarshal(text, &body); err != nil {
			deny(400, err.Error())
			return
		}
	}
	if r.Method != http.MethodGet {
		f.log = append(f.log, r.Method+" "+r.URL.Path)
		if f.refuse != "" && strings.HasPrefix(r.URL.Path, f.refuse) {
			deny(403, "pods is forbidden")
			return
		}
	}
	o, found := f.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/pods"):
		say(200, map[string]any{"items": f.selected(r.URL.Path+"/", r.URL.Query().Get("labelSelector"))})
	case r.Method == http.MethodPost:
		path := r.URL.Path + "/" + child(body, "metadata")["name"].(string)
		if f.objects[path] != nil {
			deny(409, "already exists")
			return
		}
		f.store(path, body)
		say(201, body)
	case !found:
		deny(404, "not found")
	case r.Method == http.MethodGet:
		say(200, o)
	case r.Method == http.MethodDelete:
		delete(f.objects, r.URL.Path)
		say(200, o)
	case r.Method == http.MethodPatch && r.Header.Get("Content-Type") == "application/merge-patch+json":
		if v := child(body, "metadata")["resourceVersion"]; v != nil && v != child(o, "metadata")["resourceVersion"] {
			deny(409, "the object has been modified")
			return
		}
		merge(o, body)
		f.store(r.URL.Path, o)
		say(200, o)
	default:
		deny(405, "method")
	}
}

// merge is what RFC 7396 says.
func merge(to, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(to, k)
		case map[string]any:
			merge(child(to, k), v)
		default:
			to[k] = v
		}
	}
}

func (f *fakeAPI) selected(prefix, selector string) (list []any) {
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		labels := child(child(f.objects[path], "metadata"), "labels")
		all := true
		for term := range strings.SplitSeq(selector, ",") {
			k, v, _ := strings.Cut(term, "=")
			all = all && labels[k] == v
		}
		if all {
			list = append(list, f.objects[path])
		}
	}
	return list
}

// pod adds one.
func (f *fakeAPI) pod(name, ip string) {
	f.put("/api/v1/namespaces/redis/pods/"+name,
		fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"app":"redis"}},"status":{"podIP":%q,"podIPs":[{"ip":%q}]}}`, name, ip, ip))
}

// masters returns the pods that a Service would select.
func (f *fakeAPI) masters() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, o := range f.selected("/api/v1/namespaces/redis/pods/", "redis-role=master") {
		names = append(names, child(o.(map[string]any), "metadata")["name"].(string))
	}
	return strings.Join(names, " ")
}

const slicePath = "/apis/discovery.k8s.io/v1/namespaces/redis/endpointslices/redis-master-gosentinel"

func (f *fakeAPI) slice(t *testing.T) endpointSlice {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := json.Marshal(f.objects[slicePath])
	must(t, err)
	var s endpointSlice
	must(t, json.Unmarshal(text, &s))
	return s
}

func at(host string, epoch uint64) Snapshot {
	return Snapshot{{Name: "cache", Master: Server{host, 6379}, Epoch: epoch, Up: true}}
}

// TestEndpointSlice: the Service has the master and nothing else, at each time.
func TestEndpointSlice(t *testing.T) {
	f := newFakeAPI(t)
	j := onlyJob(t, f.target(t, &Kubernetes{Service: "redis-master", PortName: "redis"}))
	ctx := context.Background()
	for _, c := range []struct {
		s       Snapshot
		changed bool
		where   string
		kind    string
	}{
		{at("10.0.0.1", 1), true, "10.0.0.1:6379", "IPv4"},
		{at("10.0.0.1", 1), false, "10.0.0.1:6379", "IPv4"},
		{at("10.0.0.2", 2), true, "10.0.0.2:6379", "IPv4"},
		{at("10.0.0.2", 3), true, "10.0.0.2:6379", "IPv4"},
		{at("fd00::1", 4), true, "[fd00::1]:6379", "IPv6"},
	} {
		changed, err := j.reconcile(ctx, c.s)
		got := f.slice(t)
		if err != nil || changed != c.changed || got.where() != c.where || got.AddressType != c.kind {
			t.Fatalf("%v: %v %v %+v", c.s, changed, err, got)
		}
		if got.Metadata.Labels[serviceLabel] != "redis-master" || got.Ports[0].Name != "redis" || got.Metadata.Annotations[epochNote] != fmt.Sprint(c.s[0].Epoch) {
			t.Errorf("%+v", got)
		}
	}
	// Somebody has put in another endpoint.
	f.mu.Lock()
	f.objects[slicePath]["endpoints"] = []any{}
	f.mu.Unlock()
	if changed, err := j.reconcile(ctx, at("fd00::1", 4)); err != nil || !changed || f.slice(t).where() != "[fd00::1]:6379" {
		t.Error(changed, err)
	}
}

// TestStaleAgent: an agent that is cut off from the Sentinels does not send clients back.
func TestStaleAgent(t *testing.T) {
	f := newFakeAPI(t)
	f.pod("redis-0", "10.0.0.1")
	f.pod("redis-1", "10.0.0.2")
	target := &Kubernetes{Service: "redis-master", Selector: "app=redis", Label: "redis-role"}
	j, ctx := onlyJob(t, f.target(t, target)), context.Background()
	_, err := j.reconcile(ctx, at("10.0.0.2", 7))
	must(t, err)
	if _, err := j.reconcile(ctx, at("10.0.0.1", 6)); err == nil || !strings.Contains(err.Error(), "notes the epoch 7, and the Sentinels say 6") {
		t.Error(err)
	}
	if f.slice(t).where() != "10.0.0.2:6379" || f.masters() != "redis-1" {
		t.Error("it has been sent back")
	}
	target.Service = ""
	if _, err := j.reconcile(ctx, at("10.0.0.1", 6)); err == nil || !strings.Contains(err.Error(), "pod redis/redis-0 notes the epoch 7") {
		t.Error(err)
	}
	// Another agent wrote between the look and the patch.
	target.Service, target.Selector, target.Label = "redis-master", "", ""
	p, err := j.plan(ctx, at("10.0.0.1", 8))
	must(t, err)
	f.mu.Lock()
	f.store(slicePath, f.objects[slicePath])
	f.mu.Unlock()
	if err := p.apply(ctx); err == nil || !strings.Contains(err.Error(), "the object has been modified") || f.slice(t).where() != "10.0.0.2:6379" {
		t.Error(err)
	}
}

// TestPodLabel: no two pods are the master, and no label is written twice.
func TestPodLabel(t *testing.T) {
	f := newFakeAPI(t)
	for i, ip := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
		f.pod(fmt.Sprintf("redis-%d", i), ip)
	}
	f.put("/api/v1/namespaces/redis/pods/other", `{"metadata":{"name":"other","labels":{"app":"x"}},"status":{"podIP":"10.0.0.9"}}`)
	j, ctx := onlyJob(t, f.target(t, &Kubernetes{Selector: "app=redis", Label: "redis-role"})), context.Background()
	step := func(host string, epoch uint64, want string, log ...string) {
		t.Helper()
		f.log = nil
		if _, err := j.reconcile(ctx, at(host, epoch)); err != nil || f.masters() != want {
			t.Errorf("%s: %q %v", host, f.masters(), err)
		}
		for i := range log {
			log[i] = "PATCH /api/v1/namespaces/redis/pods/" + log[i]
		}
		if !slices.Equal(f.log, log) {
			t.Errorf("%s: %q", host, f.log)
		}
	}
	step("10.0.0.1", 1, "redis-0", "redis-1", "redis-2", "redis-0")
	step("10.0.0.1", 1, "redis-0")
	step("10.0.0.2", 2, "redis-1", "redis-0", "redis-1")                  // first the old one loses it
	step("redis-2.redis.default.svc", 3, "redis-2", "redis-1", "redis-2") // by name
	// What cannot be taken from the old one is not given to the new one.
	f.refuse = "/api/v1/namespaces/redis/pods/redis-2"
	if _, err := j.reconcile(ctx, at("10.0.0.1", 4)); err == nil || !strings.Contains(err.Error(), "403 Forbidden pods is forbidden") || f.masters() != "redis-2" {
		t.Errorf("%q %v", f.masters(), err)
	}
	if _, err := j.reconcile(ctx, at("10.9.9.9", 5)); err == nil || !strings.Contains(err.Error(), "none of the 3 pods that app=redis selects is the master 10.9.9.9:6379") {
		t.Error(err)
	}
}

// TestPodLabelOfStaleAgent: an agent that has looked before another one wrote does not put the
// label back.
func TestPodLabelOfStaleAgent(t *testing.T) {
	f := newFakeAPI(t)
	f.pod("redis-0", "10.0.0.1")
	f.pod("redis-1", "10.0.0.2")
	k := f.target(t, &Kubernetes{Selector: "app=redis", Label: "redis-role"})
	slow, other, ctx := onlyJob(t, k), onlyJob(t, k), context.Background()
	p, err := slow.plan(ctx, at("10.0.0.1", 1))
	must(t, err)
	_, err = other.reconcile(ctx, at("10.0.0.2", 2))
	must(t, err)
	if err := p.apply(ctx); err == nil || !strings.Contains(err.Error(), "the object has been modified") || f.masters() != "redis-1" {
		t.Error(err, f.masters())
	}
	if _, err := slow.reconcile(ctx, at("10.0.0.1", 1)); err == nil || !strings.Contains(err.Error(), "notes the epoch 2") {
		t.Error(err)
	}
}

func TestKubernetesMistakes(t *testing.T) {
	f := newFakeAPI(t)
	ctx := context.Background()
	k := f.target(t, &Kubernetes{Service: "redis-master"})
	k.TokenFile = write(t, "token", "wrong")
	if _, err := onlyJob(t, k).reconcile(ctx, at("10.0.0.1", 1)); err == nil || !strings.Contains(err.Error(), "401 Unauthorized") || strings.Contains(err.Error(), "wrong") {
		t.Error(err)
	}
	k = f.target(t, &Kubernetes{Service: "redis-master"})
	k.CA = ""
	if _, err := onlyJob(t, k).reconcile(ctx, at("10.0.0.1", 1)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	k = f.target(t, &Kubernetes{Service: "redis-master"})
	if _, err := onlyJob(t, k).reconcile(ctx, append(at("10.0.0.1", 1), known("queue", "10.0.0.2", 1))); err == nil || !strings.Contains(err.Error(), "put {group} into service") {
		t.Error(err)
	}
	f.put(slicePath, `{"metadata":{"name":"redis-master-gosentinel","labels":{"endpointslice.kubernetes.io/managed-by":"me"}}}`)
	if _, err := onlyJob(t, k).reconcile(ctx, at("10.0.0.1", 1)); err == nil || !strings.Contains(err.Error(), `is managed by "me"`) {
		t.Error(err)
	}
	k = f.target(t, &Kubernetes{Service: "{group}", Selector: "app=redis,group={group}", Label: "r"})
	if _, err := onlyJob(t, k).reconcile(ctx, at("10.0.0.1", 1)); err == nil || !strings.Contains(err.Error(), "none of the 0 pods that app=redis,group=cache selects") {
		t.Error(err)
	}
}
