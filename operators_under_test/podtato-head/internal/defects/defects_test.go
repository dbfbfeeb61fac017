// SPDX-License-Identifier: Apache-2.0

package defects

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, name := range known {
		if got, err := parse(string(name)); err != nil || got != name {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
	if _, err := parse("misspelt"); err == nil || !strings.Contains(err.Error(), "forgets-an-owner") {
		t.Errorf("got %v", err)
	}
}

// Each defect has a twin, and each twin that sets the variable names a defect.
func TestEachDefectHasItsTwin(t *testing.T) {
	files, err := filepath.Glob("../../twins/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no twins: %v", err)
	}
	found := map[Name]bool{None: true}
	setting := regexp.MustCompile(`(?m)^env: \{` + Variable + `: (.*)\}$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range setting.FindAllStringSubmatch(string(text), -1) {
			name, err := parse(match[1])
			if err != nil || string(name)+".yaml" != filepath.Base(file) {
				t.Errorf("%s: %q, %v", file, match[1], err)
			}
			found[name] = true
		}
	}
	for _, name := range known {
		if !found[name] {
			t.Errorf("%s has no twin", name)
		}
	}
}
