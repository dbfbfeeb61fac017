// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

func guestbook(message, image string) *webappv1.Guestbook {
	return &webappv1.Guestbook{Spec: webappv1.GuestbookSpec{Size: 1, Message: message, Image: image, Port: 80}}
}

func TestDefaultFillsABlankMessageAndIsIdempotent(t *testing.T) {
	for given, want := range map[string]string{
		"": webappv1.DefaultMessage, " \n": webappv1.DefaultMessage, " kept ": " kept ",
	} {
		got := guestbook(given, "web:v1")
		for range 2 {
			if err := (&GuestbookDefaulter{}).Default(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, guestbook(want, "web:v1")) {
				t.Errorf("%q became %+v", given, got.Spec)
			}
		}
	}
}

func TestCreate(t *testing.T) {
	for name, test := range map[string]struct {
		message, image string
		faults         []string
	}{
		"fine":             {"Hello", "example.com:5000/web:v1", nil},
		"digest":           {"Hello", "web@sha256:0", nil},
		"forbidden word":   {"this is Forbidden", "web:v1", []string{"spec.message"}},
		"no tag":           {"Hello", "web", []string{"spec.image"}},
		"port, but no tag": {"Hello", "localhost:5000/web", []string{"spec.image"}},
		"latest":           {"forbidden", "web:latest", []string{"spec.message", "spec.image"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&GuestbookValidator{}).ValidateCreate(t.Context(), guestbook(test.message, test.image))
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

func TestUpdateLooksAtChangesOnly(t *testing.T) {
	validator := &GuestbookValidator{}
	invalid := guestbook("forbidden", "web:latest")
	changed := invalid.DeepCopy()
	changed.Spec.Size = 2
	changed.Finalizers = []string{webappv1.CleanupFinalizer}
	if _, err := validator.ValidateUpdate(t.Context(), invalid, changed); err != nil {
		t.Errorf("an old fault stands in the way: %v", err)
	}
	if _, err := validator.ValidateUpdate(t.Context(), changed, guestbook("still forbidden", "web:v1")); err == nil {
		t.Error("a new fault is let through")
	}
	deleted := guestbook("forbidden", "web")
	deleted.DeletionTimestamp = ptr.To(metav1.Now())
	if _, err := validator.ValidateUpdate(t.Context(), guestbook("Hello", "web:v1"), deleted); err != nil {
		t.Errorf("a deleted object is held: %v", err)
	}
}
