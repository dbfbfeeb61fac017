// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	appsv1 "operator-harness.example/application/api/v1"
)

func application(edit func(*appsv1.ApplicationSpec)) *appsv1.Application {
	made := &appsv1.Application{Spec: appsv1.ApplicationSpec{Image: "web:v1", Port: 8080}}
	if edit != nil {
		edit(&made.Spec)
	}
	return made
}

func TestDefaultFillsWhatTheSchemaCannotAndIsIdempotent(t *testing.T) {
	got := application(func(spec *appsv1.ApplicationSpec) {
		spec.Ingress = &appsv1.IngressSpec{Host: "Shop.Example.org"}
	})
	want := application(func(spec *appsv1.ApplicationSpec) {
		spec.Service.Port = 8080
		spec.Ingress = &appsv1.IngressSpec{Host: "shop.example.org", Path: "/"}
	})
	for range 2 {
		if err := (&ApplicationDefaulter{}).Default(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got.Spec)
		}
	}
}

func TestDefaultKeepsWhatIsSaid(t *testing.T) {
	got := application(func(spec *appsv1.ApplicationSpec) {
		spec.Service.Port = 80
		spec.Ingress = &appsv1.IngressSpec{Host: "shop.example.org", Path: "/shop"}
	})
	want := got.DeepCopy()
	if err := (&ApplicationDefaulter{}).Default(t.Context(), got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got.Spec, err)
	}
}

func TestCreate(t *testing.T) {
	for name, test := range map[string]struct {
		edit   func(*appsv1.ApplicationSpec)
		faults []string
	}{
		"fine":   {nil, nil},
		"port":   {func(s *appsv1.ApplicationSpec) { s.Image = "example.com:5000/web:v1" }, nil},
		"digest": {func(s *appsv1.ApplicationSpec) { s.Image = "web@sha256:0" }, nil},
		"no tag": {func(s *appsv1.ApplicationSpec) { s.Image = "localhost:5000/web" }, []string{"spec.image"}},
		"latest": {func(s *appsv1.ApplicationSpec) { s.Image = "web:latest" }, []string{"spec.image"}},
		"variable names": {func(s *appsv1.ApplicationSpec) {
			s.Env = []appsv1.EnvVar{{Name: "FINE"}, {Name: "a=b"}, {Name: "PORT"}}
		}, []string{"spec.env[1].name", "spec.env[2].name"}},
		"wildcard": {func(s *appsv1.ApplicationSpec) { s.Ingress = &appsv1.IngressSpec{Host: "*.example.org"} }, nil},
		"host":     {func(s *appsv1.ApplicationSpec) { s.Ingress = &appsv1.IngressSpec{Host: "a..b"} }, []string{"spec.ingress.host"}},
		"names": {func(s *appsv1.ApplicationSpec) {
			s.Ingress = &appsv1.IngressSpec{Host: "a.b", ClassName: ptr.To("C"), TLSSecretName: "T"}
		}, []string{"spec.ingress.className", "spec.ingress.tlsSecretName"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&ApplicationValidator{}).ValidateCreate(t.Context(), application(test.edit))
			if (err == nil) != (test.faults == nil) {
				t.Fatalf("got %v", err)
			}
			for _, fault := range test.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("%q isn't named in %q", fault, err)
				}
			}
		})
	}
}

func TestAnIngressToNothingIsWarnedOf(t *testing.T) {
	for replicas, want := range map[int32]int{0: 1, 1: 0} {
		warnings, err := (&ApplicationValidator{}).ValidateCreate(t.Context(), application(func(spec *appsv1.ApplicationSpec) {
			spec.Replicas, spec.Ingress = &replicas, &appsv1.IngressSpec{Host: "a.b"}
		}))
		if len(warnings) != want || err != nil {
			t.Errorf("%d replicas: %q, %v", replicas, warnings, err)
		}
	}
}

func TestUpdateLooksAtChangesOnly(t *testing.T) {
	validator := &ApplicationValidator{}
	invalid := application(func(spec *appsv1.ApplicationSpec) {
		spec.Image, spec.Ingress = "web:latest", &appsv1.IngressSpec{Host: "a..b"}
	})
	changed := invalid.DeepCopy()
	changed.Spec.Replicas = ptr.To[int32](2)
	if _, err := validator.ValidateUpdate(t.Context(), invalid, changed); err != nil {
		t.Errorf("an old fault stands in the way: %v", err)
	}
	changed.Spec.Ingress.Host = "a..c"
	if _, err := validator.ValidateUpdate(t.Context(), invalid, changed); err == nil {
		t.Error("a new fault is let through")
	}
	changed.DeletionTimestamp = ptr.To(metav1.Now())
	if _, err := validator.ValidateUpdate(t.Context(), invalid, changed); err != nil {
		t.Errorf("a deleted object is held: %v", err)
	}
}
