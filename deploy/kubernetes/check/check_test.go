package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	psa "k8s.io/pod-security-admission/api"
	psapolicy "k8s.io/pod-security-admission/policy"

	appsv1 "k8s.io/api/apps/v1"

	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var write = flag.Bool("write", false, "write what is kept in rendered form")

// build is `kustomize build`.
func build(t *testing.T, dir string) string {
	t.Helper()
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join("..", dir))
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const head = "# For `kubectl apply -f`. Written by `make manifests` from the files in base/.\n"

// TestPlain: the one file for kubectl is what kustomize makes of base.
func TestPlain(t *testing.T) {
	const path = "../gosentinel.yaml"
	want := head + build(t, "base")
	if *write {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != want {
		t.Errorf("%s is not what kustomize makes of base (%v): make manifests MANIFESTS=-write", path, err)
	}
}

func TestManifests(t *testing.T) {
	for _, dir := range []string{"base", "overlays/example"} {
		t.Run(dir, func(t *testing.T) {
			kinds := map[string]int{}
			for _, text := range strings.Split(build(t, dir), "\n---\n") {
				kinds[checkOne(t, text)]++
			}
			if kinds["StatefulSet"] != 2 || kinds["PodDisruptionBudget"] != 2 || kinds["NetworkPolicy"] != 2 {
				t.Errorf("there are %v", kinds)
			}
		})
	}
}

// TestMistakesAreFound shows that the check can fail.
func TestMistakesAreFound(t *testing.T) {
	good := build(t, "base")
	for from, to := range map[string]string{
		"podManagementPolicy:":    "podManagmentPolicy:",
		"replicas: 3":             "replicas: three",
		"serviceName: gosentinel": "serviceName: Gosentinel!",
		"containerPort: 26379":    "containerPort: 70000",
		"maxUnavailable: 1":       "maxUnavailable: 300%",
	} {
		found := false
		for _, text := range strings.Split(strings.Replace(good, from, to, 1), "\n---\n") {
			_, wrong := judge(text)
			found = found || len(wrong) > 0
		}
		if !found || !strings.Contains(good, from) {
			t.Errorf("%s is not found", to)
		}
	}
}

func checkOne(t *testing.T, text string) string {
	t.Helper()
	kind, wrong := judge(text)
	for _, w := range wrong {
		t.Errorf("%s: %s", kind, w)
	}
	return kind
}

// judge returns the kind of an object, and what the API server would object to.
func judge(text string) (kind string, wrong []string) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return "", []string{err.Error()}
	}
	strict := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	external, gvk, err := strict.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return "", []string{err.Error()}
	}
	legacyscheme.Scheme.Default(external)
	setNamespace(external)
	internal, err := legacyscheme.Scheme.ConvertToVersion(external, runtime.InternalGroupVersioner)
	if err != nil {
		return gvk.Kind, []string{err.Error()}
	}
	for _, e := range validate(internal) {
		wrong = append(wrong, e.Error())
	}
	if set, ok := external.(*appsv1.StatefulSet); ok {
		wrong = append(wrong, restricted(set)...)
	}
	return gvk.Kind, wrong
}

// setNamespace does what kubectl does to an object without one.
func setNamespace(o runtime.Object) {
	type namespaced interface {
		GetNamespace() string
		SetNamespace(string)
	}
	if n, ok := o.(namespaced); ok && n.GetNamespace() == "" && o.GetObjectKind().GroupVersionKind().Kind != "Namespace" {
		n.SetNamespace("default")
	}
}

func validate(o runtime.Object) field.ErrorList {
	switch o := o.(type) {
	case *apps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(o, corevalidation.PodValidationOptions{})
	case *core.Service:
		o.Spec.ClusterIPs = []string{o.Spec.ClusterIP}
		o.Spec.IPFamilies = []core.IPFamily{core.IPv4Protocol}
		return corevalidation.ValidateServiceCreate(o)
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o)
	case *core.Namespace:
		return corevalidation.ValidateNamespace(o)
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{})
	}
	return field.ErrorList{field.InternalError(nil, os.ErrInvalid)}
}

// restricted asks what the admission of pods asks.
func restricted(set *appsv1.StatefulSet) (wrong []string) {
	evaluator, err := psapolicy.NewEvaluator(psapolicy.DefaultChecks())
	if err != nil {
		return []string{err.Error()}
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	for _, r := range evaluator.EvaluatePod(level, &set.Spec.Template.ObjectMeta, &set.Spec.Template.Spec) {
		if !r.Allowed {
			wrong = append(wrong, "restricted: "+r.ForbiddenReason+": "+r.ForbiddenDetail)
		}
	}
	return wrong
}

// TestEveryFileIsUsed: no manifest lies around that nothing applies.
func TestEveryFileIsUsed(t *testing.T) {
	for _, dir := range []string{"../base", "../overlays/example"} {
		text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if name := filepath.Base(file); name != "kustomization.yaml" && !bytes.Contains(text, []byte("- "+name)) {
				t.Errorf("%s is in no kustomization", file)
			}
		}
	}
}
