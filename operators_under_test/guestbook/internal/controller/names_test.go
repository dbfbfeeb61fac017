// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

func TestChildNamesAreLegalAndUnique(t *testing.T) {
	long := strings.Repeat("a", 63)
	names := []string{
		"sample", "1st", "with.dot", "with-dot", "a" + strings.Repeat("-", 50) + "b",
		strings.Repeat("b", 52), strings.Repeat("b", 53), long,
		strings.Join([]string{long, long, long, strings.Repeat("c", 61)}, "."),
		strings.Join([]string{long, long, long, strings.Repeat("c", 60) + "d"}, "."),
	}
	seen := map[string]string{}
	for _, name := range names {
		guestbook := &webappv1.Guestbook{}
		guestbook.Name = name
		for _, child := range []string{webName(guestbook), pageName(guestbook)} {
			if faults := validation.IsDNS1035Label(child); len(faults) > 0 {
				t.Errorf("%q gives %q: %v", name, child, faults)
			}
			if other, taken := seen[child]; taken {
				t.Errorf("%q and %q both give %q", name, other, child)
			}
			seen[child] = name
		}
	}
}

func TestSimpleNamesAreKept(t *testing.T) {
	guestbook := &webappv1.Guestbook{}
	guestbook.Name = "sample"
	if got := webName(guestbook); got != "sample-web" {
		t.Fatalf("got %q", got)
	}
}
