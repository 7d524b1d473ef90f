package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// pod is a pod, as far as it matters here.
type pod struct {
	Metadata metadata `json:"metadata"`
	Status   struct {
		PodIP  string `json:"podIP"`
		PodIPs []struct {
			IP string `json:"ip"`
		} `json:"podIPs"`
	} `json:"status"`
}

// is reports whether a pod is the server that Sentinels know at a host: by its address, or
// by its name, which begins that of the host in a StatefulSet.
func (p *pod) is(host string) bool {
	for _, one := range p.Status.PodIPs {
		if one.IP == host {
			return true
		}
	}
	name, _, _ := strings.Cut(host, ".")
	return p.Status.PodIP == host || name == p.Metadata.Name
}

// labels compares the label of the pods of a group. The label is taken from the others
// before the master gets it, so that a Service never selects two.
func (k *kubernetesWorker) labels(ctx context.Context, selector string, g Group) ([]step, error) {
	all := "/api/v1/namespaces/" + url.PathEscape(k.Namespace) + "/pods"
	var list struct {
		Items []pod `json:"items"`
	}
	if err := k.call(ctx, http.MethodGet, all+"?labelSelector="+url.QueryEscape(selector), "", nil, &list); err != nil {
		return nil, err
	}
	var others, master []step
	found := false
	for _, p := range list.Items {
		what := "pod " + k.Namespace + "/" + p.Metadata.Name
		if newer(p.Metadata.Annotations[epochNote], g) {
			return nil, errStale(what, p.Metadata.Annotations[epochNote], g)
		}
		value, steps := k.ReplicaValue, &others
		if p.is(g.Master.Host) {
			value, steps, found = k.MasterValue, &master, true
		}
		if has := p.Metadata.Labels[k.Label]; has != value {
			*steps = append(*steps, step{
				fmt.Sprintf("- %s: %s=%s\n+ %s: %s=%s\n", what, k.Label, has, what, k.Label, value),
				func(ctx context.Context) error { return k.setLabel(ctx, all, p.Metadata, value, g) },
			})
		}
	}
	if !found {
		return nil, fmt.Errorf("none of the %d pods that %s selects is the master %s", len(list.Items), selector, g.Master)
	}
	return append(others, master...), nil
}

func (k *kubernetesWorker) setLabel(ctx context.Context, all string, pod metadata, value string, g Group) error {
	patch := struct {
		Metadata metadata `json:"metadata"`
	}{metadata{
		// Another agent that has written since may know better: then the API server refuses.
		ResourceVersion: pod.ResourceVersion,
		Labels:          map[string]string{k.Label: value},
		Annotations:     map[string]string{epochNote: strconv.FormatUint(g.Epoch, 10)},
	}}
	err := k.call(ctx, http.MethodPatch, all+"/"+url.PathEscape(pod.Name), mergePatch, patch, nil)
	if errors.Is(err, errNotFound) {
		return nil // it has gone since
	}
	return err
}
