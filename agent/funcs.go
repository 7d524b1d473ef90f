package agent

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"
)

// templateFuncs are what a template may call. Those that consul-template has too do
// the same, with the arguments in the same order.
func templateFuncs(s Snapshot) template.FuncMap {
	return template.FuncMap{
		"group": func(name string) (Group, error) {
			for _, g := range s {
				if g.Name == name {
					return g, nil
				}
			}
			return Group{}, fmt.Errorf("there is no group %q", name)
		},
		"service":    func(query string, _ ...string) ([]Service, error) { return services(s, query) },
		"env":        os.Getenv,
		"join":       func(sep string, list []string) string { return strings.Join(list, sep) },
		"split":      func(sep, text string) []string { return strings.Split(text, sep) },
		"replaceAll": func(from, to, text string) string { return strings.ReplaceAll(text, from, to) },
		"trimSpace":  strings.TrimSpace,
		"toLower":    strings.ToLower,
		"toUpper":    strings.ToUpper,
		"contains":   func(one string, list []string) bool { return slices.Contains(list, one) },
		"toJSON": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"toJSONPretty": func(v any) (string, error) {
			b, err := json.MarshalIndent(v, "", "  ")
			return string(b), err
		},
		"add":      func(b, a int) int { return a + b },
		"subtract": func(b, a int) int { return a - b },
	}
}

// Service is a server in the form in which consul-template has services, so that
// templates which were written for it need no change.
type Service struct {
	ID      string // host:port
	Name    string // of the group
	Node    string // the host
	Address string // the host
	Port    int
	Tags    []string // "master" or "replica"
	Status  string   // "passing"
}

// services returns what consul-template's service does: "cache" stands for all
// servers of a group, "master.cache" and "replica.cache" for those with that role. They
// are in order of their hosts and ports.
func services(s Snapshot, query string) (list []Service, err error) {
	tag, name, tagged := strings.Cut(query, ".")
	g := s.Group(query)
	switch {
	case g.Known():
		tag, tagged = "", false
	case tagged:
		g = s.Group(name)
	}
	add := func(role string, at Server) {
		if !tagged || tag == role {
			list = append(list, Service{at.String(), g.Name, at.Host, at.Host, at.Port, []string{role}, "passing"})
		}
	}
	if g.Known() {
		add("master", g.Master)
	}
	for _, r := range g.Replicas {
		add("replica", r)
	}
	slices.SortStableFunc(list, func(a, b Service) int { // as consul-template does
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
