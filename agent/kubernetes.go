package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Kubernetes keeps a Service pointed at the master: by an EndpointSlice of a Service
// that has no selector, by a label on the pod of the master, or both. It speaks
// plain HTTPS with the API server and needs no library and no operator.
//
// The epoch of the master is noted at what is written. An agent that knows only a lower
// one, because it is cut off from the Sentinels, writes nothing.
type Kubernetes struct {
	Common
	// Service gets an EndpointSlice with the master. {group} stands for the name of the group.
	Service  string `toml:"service"`
	PortName string `toml:"port-name"` // of the port in the Service, if it has a name
	// Selector finds the pods of a group, as in "app=redis,group={group}". Label is set on
	// each: to MasterValue on that of the master, to ReplicaValue on the others.
	Selector     string `toml:"selector"`
	Label        string `toml:"label"`
	MasterValue  string `toml:"master-value"`  // empty means "master"
	ReplicaValue string `toml:"replica-value"` // empty means "replica"

	// Outside of a pod these have to be set. Inside, they are known.
	API       string `toml:"api"` // https://host:port
	Namespace string `toml:"namespace"`
	TokenFile string `toml:"token-file"`
	CA        string `toml:"ca"`
}

// kubernetesEvery is how often Kubernetes is compared: it takes two requests.
const kubernetesEvery = 30 * time.Second

// Where a pod finds what it needs to speak with the API server.
const podSecrets = "/var/run/secrets/kubernetes.io/serviceaccount/"

func (k *Kubernetes) check(wrong problems, dir string) {
	k.Type = "kubernetes"
	absolute(dir, &k.TokenFile, &k.CA)
	if k.API == "" && os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		k.API = "https://" + net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), cmp.Or(os.Getenv("KUBERNETES_SERVICE_PORT"), "443"))
		k.CA = cmp.Or(k.CA, podSecrets+"ca.crt")
	}
	k.TokenFile = cmp.Or(k.TokenFile, podSecrets+"token")
	if k.Namespace == "" {
		k.Namespace, _ = readSecret(podSecrets + "namespace") // that it is missing is told below
	}
	k.MasterValue, k.ReplicaValue = cmp.Or(k.MasterValue, "master"), cmp.Or(k.ReplicaValue, "replica")
	if u, err := url.Parse(k.API); err != nil || u.Scheme != "https" || u.Host == "" {
		wrong("api", `outside of a pod, add api = "https://10.0.0.1:6443"`, "the address of the API server is %q, which is none for HTTPS", k.API)
	}
	if k.Namespace == "" {
		wrong("namespace", `outside of a pod, add namespace = "default"`, "the namespace is not known")
	}
	switch {
	case k.Service == "" && k.Selector == "":
		wrong("service", `add service = "redis-master", or selector and label, or all of them`, "the target does not say what to keep in line")
	case (k.Selector == "") != (k.Label == ""):
		wrong("selector", `such as selector = "app=redis" and label = "redis-role"`, "selector and label belong together")
	}
	k.describe(k.Namespace + "/" + cmp.Or(k.Service, k.Selector))
}

func (k *Kubernetes) open(e *environment) []*job {
	w := &kubernetesWorker{Kubernetes: k, log: e.log}
	return []*job{newJob(&k.Common, k.Name, kubernetesEvery, w)}
}

type kubernetesWorker struct {
	*Kubernetes
	log    *slog.Logger
	client *http.Client // made at the first use
}

// epochNote is the annotation that has the epoch of the master.
const epochNote = "gosentinel/epoch"

// step is a part of a plan.
type step struct {
	diff  string
	apply func(ctx context.Context) error
}

func (k *kubernetesWorker) plan(ctx context.Context, s Snapshot) (*plan, error) {
	if len(s) > 1 && (k.Service != "" && !strings.Contains(k.Service, "{group}") || k.Selector != "" && !strings.Contains(k.Selector, "{group}")) {
		return nil, failedf(causeRender, "there are %d groups: put {group} into service and selector, or name one group with groups = [\"…\"]", len(s))
	}
	if missing := s.unknown(); len(s) > 0 && len(missing) == len(s) {
		return nil, &waiting{missing}
	}
	// What fails for one group does not keep the others waiting.
	var steps [][]step
	var errs []error
	for _, g := range s {
		if !g.Known() {
			continue
		}
		more, err := k.group(ctx, g)
		if err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
		} else if len(more) > 0 {
			steps = append(steps, more)
		}
	}
	if len(steps) == 0 {
		return nil, failed(causeRead, errors.Join(errs...))
	}
	var diff strings.Builder
	for _, one := range slices.Concat(steps...) {
		diff.WriteString(one.diff)
	}
	return &plan{diff.String(), func(ctx context.Context) error {
		done := failed(causeRead, errors.Join(errs...))
		for _, group := range steps {
			if err := k.carryOut(ctx, group); err != nil {
				done = failed(causeWrite, errors.Join(done, err))
			}
		}
		return done
	}}, nil
}

// carryOut does what is to be done for a group, up to the first error: the label is not given
// to a pod before it has been taken from the others.
func (k *kubernetesWorker) carryOut(ctx context.Context, steps []step) error {
	for _, one := range steps {
		if err := one.apply(ctx); err != nil {
			return err
		}
		k.log.Info("Kubernetes: "+strings.Join(strings.Fields(one.diff), " "), "target", k.Name)
	}
	return nil
}

// group compares what there is for one group.
func (k *kubernetesWorker) group(ctx context.Context, g Group) (steps []step, err error) {
	if k.Service != "" {
		one, err := k.slice(ctx, strings.ReplaceAll(k.Service, "{group}", g.Name), g)
		if err != nil {
			return nil, err
		}
		steps = append(steps, one...)
	}
	if k.Selector != "" {
		more, err := k.labels(ctx, strings.ReplaceAll(k.Selector, "{group}", g.Name), g)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// errStale says that somebody knows better.
func errStale(what, noted string, g Group) error {
	return fmt.Errorf("%s notes the epoch %s, and the Sentinels say %d: this agent may be cut off from them; if the group was defined anew, remove the annotation %s",
		what, noted, g.Epoch, epochNote)
}

// newer reports whether an annotation has a higher epoch than a group.
func newer(noted string, g Group) bool {
	var epoch uint64
	_, err := fmt.Sscan(noted, &epoch)
	return err == nil && epoch > g.Epoch
}

var errNotFound = errors.New("not found")
