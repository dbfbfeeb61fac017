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
const Variable = "IMOOCPOD_DEFECT"

// Name is the name of a defect, the same as that of its twin.
type Name string

const (
	// None is the healthy operator.
	None Name = ""
	// LeavesItsPods makes pods without owner reference, so that nothing deletes them.
	LeavesItsPods Name = "leaves-its-pods"
	// ReplacesPodsAtRestart takes pods for strangers that another process has made.
	ReplacesPodsAtRestart Name = "replaces-pods-at-restart"
	// KeepsNamesOfDeletedPods adds names to the status and never removes one.
	KeepsNamesOfDeletedPods Name = "keeps-names-of-deleted-pods"
	// ShufflesNames lists the pods in another order each time, and looks each second.
	ShufflesNames Name = "shuffles-names"
	// DiesAfterDelete ends the process when an ImoocPod is gone.
	DiesAfterDelete Name = "dies-after-delete"
	// WritesStatusWithTheObject writes the status as a part of the object, not by its subresource.
	WritesStatusWithTheObject Name = "writes-status-with-the-object"
)

var known = []Name{
	None, LeavesItsPods, ReplacesPodsAtRestart, KeepsNamesOfDeletedPods, ShufflesNames, DiesAfterDelete,
	WritesStatusWithTheObject,
}

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
