package agent

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// consulTemplate is the program with which templates are compared.
const consulTemplate = "github.com/hashicorp/consul-template@v0.41.1"

// consulTemplateText uses every function that both have.
const consulTemplateText = `{{- range service "master.cache" }}
master {{ .Address }}:{{ .Port }} {{ .ID }} {{ .Name }} {{ .Node }} {{ .Tags | join "," }} {{ .Status }}
{{- end }}
{{- range $i, $s := service "replica.cache" }}
replica {{ $i | add 1 }} {{ .Address }}:{{ .Port }}{{ if .Tags | contains "replica" }} yes{{ end }}
{{- end }}
{{- range service "cache" }}
all {{ .Name }} {{ .ID }}
{{- end }}
{{- range service "none" }} nobody {{ end }}
{{ env "GOSENTINEL_COMPARED" }} {{ split "," "a,b" | join "+" }} {{ "a-b" | replaceAll "-" "_" }} [{{ trimSpace "  x " }}]
{{ toLower "AbC" }} {{ toUpper "AbC" }} {{ add 1 2 }} {{ subtract 1 5 }} {{ "a b" | split " " | toJSON }}
{{ "a b" | split " " | toJSONPretty }}
`

// consul answers what consul-template asks for as Consul would that knows the servers.
func consul(t *testing.T, s Snapshot) *httptest.Server {
	type object = map[string]any
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/health/service/{name}", func(w http.ResponseWriter, r *http.Request) {
		list := []object{}
		services, err := services(s, r.PathValue("name"))
		if err != nil {
			t.Error(err)
		}
		slices.Reverse(services) // the order is a matter of consul-template
		for _, one := range services {
			if tag := r.FormValue("tag"); tag == "" || slices.Contains(one.Tags, tag) {
				list = append(list, object{
					"Node":    object{"Node": one.Node, "Address": one.Address},
					"Service": object{"ID": one.ID, "Service": one.Name, "Tags": one.Tags, "Address": one.Address, "Port": one.Port},
					"Checks":  []object{{"CheckID": "c", "Status": "passing"}},
				})
			}
		}
		w.Header().Set("X-Consul-Index", "1")
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// TestConsulTemplate: a template for consul-template gives the same bytes here.
func TestConsulTemplate(t *testing.T) {
	s := Snapshot{{Name: "cache", Up: true, Master: Server{Host: "10.0.0.2", Port: 6379}, Replicas: []Server{{Host: "10.0.0.3", Port: 6379}, {Host: "10.0.0.1", Port: 6380}, {Host: "10.0.0.1", Port: 6379}}}}
	t.Setenv("GOSENTINEL_COMPARED", "yes")
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "t.ctmpl"), []byte(consulTemplateText), 0o644))
	got, _, err := (&Template{Text: consulTemplateText, Partial: true}).render(nil, s)
	must(t, err)
	for _, want := range []string{"master 10.0.0.2:6379", "replica 1 10.0.0.1:6379 yes", "all cache 10.0.0.1:6379\nall cache 10.0.0.1:6380\nall cache 10.0.0.2:6379"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("it gives\n%swithout %q", got, want)
		}
	}
	if !*long {
		t.Skip("the comparison with consul-template itself is part of make companions")
	}
	server := consul(t, s)
	out := filepath.Join(dir, "out")
	cmd := exec.Command("go", "run", consulTemplate, "-once", "-consul-addr", strings.TrimPrefix(server.URL, "http://"), "-template", filepath.Join(dir, "t.ctmpl")+":"+out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("consul-template: %v\n%s", err, text)
	}
	want, err := os.ReadFile(out)
	must(t, err)
	if string(got) != string(want) {
		t.Errorf("%s", unified("t.ctmpl", want, got))
	}
}
