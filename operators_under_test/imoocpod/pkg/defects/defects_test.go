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
	t.Setenv(Variable, "shuffles-names")
	if name, err := FromEnvironment(); name != ShufflesNames || err != nil {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestUnknownDefectIsNamed(t *testing.T) {
	t.Setenv(Variable, "shuffles-name")
	_, err := FromEnvironment()
	if err == nil || !strings.Contains(err.Error(), `"shuffles-name"`) || !strings.Contains(err.Error(), "shuffles-names") {
		t.Fatalf("got %v", err)
	}
}
