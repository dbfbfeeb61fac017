// SPDX-License-Identifier: Apache-2.0

// Package defects names the faults that can be seeded into this operator. Each belongs to a faulty
// twin (../../twins), by which a check of the harness proves that it can go red.
package defects

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Variable is the environment variable that switches a defect on.
const Variable = "APPLICATION_DEFECT"

// Name is the name of a defect, the same as that of its twin.
type Name string

const (
	// None is the healthy operator.
	None Name = ""
	// LeavesTheIngress makes the Ingress without owner reference, so that nothing deletes it.
	LeavesTheIngress Name = "leaves-the-ingress"
	// RollsOutAtRestart writes the time of the operator's start into the pod template.
	RollsOutAtRestart Name = "rolls-out-at-restart"
	// PanicsAfterDelete reads an Application that is gone as if it were there.
	PanicsAfterDelete Name = "panics-after-delete"
)

var known = []Name{None, LeavesTheIngress, RollsOutAtRestart, PanicsAfterDelete}

// FromEnvironment reads the defect that is switched on, None if there is none.
func FromEnvironment() (Name, error) {
	return parse(os.Getenv(Variable))
}

func parse(value string) (Name, error) {
	if name := Name(value); slices.Contains(known, name) {
		return name, nil
	}
	names := make([]string, 0, len(known))
	for _, name := range known[1:] {
		names = append(names, string(name))
	}
	return None, fmt.Errorf("%s=%q is no defect; known are %s", Variable, value, strings.Join(names, ", "))
}
