// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	appsv1 "operator-harness.example/application/api/v1"
)

func TestChildNamesAreLegalAndUnique(t *testing.T) {
	long := strings.Repeat("a", 63)
	names := []string{
		"sample", "1st", "with.dot", "with-dot", long, long + "a",
		strings.Join([]string{long, long, long, strings.Repeat("c", 61)}, "."),
		strings.Join([]string{long, long, long, strings.Repeat("c", 60) + "d"}, "."),
	}
	seen := map[string]string{}
	for _, name := range names {
		application := &appsv1.Application{}
		application.Name = name
		child := childName(application)
		if faults := validation.IsDNS1035Label(child); len(faults) > 0 {
			t.Errorf("%q gives %q: %v", name, child, faults)
		}
		if other, taken := seen[child]; taken {
			t.Errorf("%q and %q both give %q", name, other, child)
		}
		seen[child] = name
	}
}

func TestFittingNamesAreKept(t *testing.T) {
	application := &appsv1.Application{}
	application.Name = "sample"
	if got := childName(application); got != "sample" {
		t.Fatalf("got %q", got)
	}
}
