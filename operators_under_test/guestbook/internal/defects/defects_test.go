// SPDX-License-Identifier: Apache-2.0

package defects

import (
	"strings"
	"testing"
)

func TestHealthyWithoutVariable(t *testing.T) {
	t.Setenv(Variable, "")
	if name, err := FromEnvironment(); name != None || err != nil {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestKnownDefect(t *testing.T) {
	t.Setenv(Variable, "hot-loop")
	if name, err := FromEnvironment(); name != HotLoop || err != nil {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestUnknownDefectIsNamed(t *testing.T) {
	t.Setenv(Variable, "hot-lop")
	_, err := FromEnvironment()
	if err == nil || !strings.Contains(err.Error(), `"hot-lop"`) || !strings.Contains(err.Error(), "hot-loop") {
		t.Fatalf("got %v", err)
	}
}
