package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// endpointSlice is the object of that name, as far as it matters here.
type endpointSlice struct {
	APIVersion  string          `json:"apiVersion,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	Metadata    metadata        `json:"metadata"`
	AddressType string          `json:"addressType,omitempty"`
	Endpoints   []sliceEndpoint `json:"endpoints"`
	Ports       []slicePort     `json:"ports"`
}

type sliceEndpoint struct {
	Addresses  []string        `json:"addresses"`
	Conditions map[string]bool `json:"conditions,omitempty"`
}

type slicePort struct {
	Name     string `json:"name"`
	Port     int    `json:"port"`
	Protocol string `json:"protocol"`
}

const (
	serviceLabel = "kubernetes.io/service-name"
	managerLabel = "endpointslice.kubernetes.io/managed-by"
)

// slice compares the EndpointSlice of a Service.
func (k *kubernetesWorker) slice(ctx context.Context, service string, g Group) ([]step, error) {
	want, err := k.wantedSlice(ctx, service, g)
	if err != nil {
		return nil, err
	}
	all := "/apis/discovery.k8s.io/v1/namespaces/" + url.PathEscape(k.Namespace) + "/endpointslices"
	path := all + "/" + url.PathEscape(want.Metadata.Name)
	var have endpointSlice
	err = k.call(ctx, http.MethodGet, path, "", nil, &have)
	what := "EndpointSlice " + k.Namespace + "/" + want.Metadata.Name
	create := func(ctx context.Context) error { return k.call(ctx, http.MethodPost, all, jsonBody, want, nil) }
	switch {
	case errors.Is(err, errNotFound):
		return []step{{fmt.Sprintf("+ %s: %s\n", what, g.Master), create}}, nil
	case err != nil:
		return nil, err
	case have.Metadata.Labels[managerLabel] != userAgent:
		return nil, fmt.Errorf("%s is managed by %q: give the Service another name, or remove that object", what, have.Metadata.Labels[managerLabel])
	case newer(have.Metadata.Annotations[epochNote], g):
		return nil, errStale(what, have.Metadata.Annotations[epochNote], g)
	case sameSlice(have, want):
		return nil, nil
	}
	diff := fmt.Sprintf("- %s: %s\n+ %s: %s\n", what, have.where(), what, g.Master)
	if have.AddressType != want.AddressType { // which cannot be changed
		return []step{{diff, func(ctx context.Context) error {
			if err := k.call(ctx, http.MethodDelete, path, "", nil, nil); err != nil && !errors.Is(err, errNotFound) {
				return err
			}
			return create(ctx)
		}}}, nil
	}
	patch := want
	patch.APIVersion, patch.Kind, patch.AddressType = "", "", ""
	// Somebody who has written since then may know better: the API server refuses the
	// patch, and the next comparison tells.
	patch.Metadata = metadata{ResourceVersion: have.Metadata.ResourceVersion, Labels: want.Metadata.Labels, Annotations: want.Metadata.Annotations}
	return []step{{diff, func(ctx context.Context) error { return k.call(ctx, http.MethodPatch, path, mergePatch, patch, nil) }}}, nil
}

func (k *kubernetesWorker) wantedSlice(ctx context.Context, service string, g Group) (endpointSlice, error) {
	ip, err := numeric(ctx, g.Master.Host)
	if err != nil {
		return endpointSlice{}, err
	}
	addressType := "IPv4"
	if a, err := netip.ParseAddr(ip); err == nil && a.Unmap().Is6() {
		addressType = "IPv6"
	}
	return endpointSlice{
		APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice",
		Metadata: metadata{
			Name: service + "-gosentinel", Namespace: k.Namespace,
			Labels:      map[string]string{serviceLabel: service, managerLabel: userAgent},
			Annotations: map[string]string{epochNote: strconv.FormatUint(g.Epoch, 10)},
		},
		AddressType: addressType,
		Endpoints:   []sliceEndpoint{{[]string{ip}, map[string]bool{"ready": true}}},
		Ports:       []slicePort{{k.PortName, g.Master.Port, "TCP"}},
	}, nil
}

func sameSlice(have, want endpointSlice) bool {
	return have.where() == want.where() && have.AddressType == want.AddressType && len(have.Ports) == 1 && have.Ports[0] == want.Ports[0] &&
		have.Endpoints[0].Conditions["ready"] && have.Metadata.Labels[serviceLabel] == want.Metadata.Labels[serviceLabel] &&
		have.Metadata.Annotations[epochNote] == want.Metadata.Annotations[epochNote]
}

// where is the address of the endpoint, if there is exactly one.
func (e endpointSlice) where() string {
	if len(e.Endpoints) != 1 || len(e.Endpoints[0].Addresses) != 1 || len(e.Ports) != 1 {
		return fmt.Sprintf("%d endpoints, %d ports", len(e.Endpoints), len(e.Ports))
	}
	return Server{e.Endpoints[0].Addresses[0], e.Ports[0].Port}.String()
}
