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
	t.Setenv(Variable, "rolls-out-at-restart")
	if name, err := FromEnvironment(); name != RollsOutAtRestart || err != nil {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestUnknownDefectIsNamed(t *testing.T) {
	t.Setenv(Variable, "rolls-out-at-restrt")
	_, err := FromEnvironment()
	if err == nil || !strings.Contains(err.Error(), `"rolls-out-at-restrt"`) || !strings.Contains(err.Error(), "rolls-out-at-restart") {
		t.Fatalf("got %v", err)
	}
}
