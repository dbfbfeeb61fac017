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
const Variable = "PODTATO_DEFECT"

// Name is the name of a defect, the same as that of its twin.
type Name string

const (
	// None is the healthy operator.
	None Name = ""
	// ForgetsAnOwner makes the hat's Service without an owner reference.
	ForgetsAnOwner Name = "forgets-an-owner"
	// RestartsParts stamps the pods with the time at which the operator started.
	RestartsParts Name = "restarts-parts"
	// KeepsAnOldStatus leaves the status at the generation it first described.
	KeepsAnOldStatus Name = "keeps-an-old-status"
	// MissesAPart never counts the right leg as ready.
	MissesAPart Name = "misses-a-part"
	// PanicsAfterDeletion dereferences a PodtatoHead that is gone.
	PanicsAfterDeletion Name = "panics-after-deletion"
)

var known = []Name{None, ForgetsAnOwner, RestartsParts, KeepsAnOldStatus, MissesAPart, PanicsAfterDeletion}

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
