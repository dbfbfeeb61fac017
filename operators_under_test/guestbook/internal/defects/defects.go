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
const Variable = "GUESTBOOK_DEFECT"

// Name is the name of a defect, the same as that of its twin.
type Name string

const (
	// None is the healthy operator.
	None Name = ""
	// NeverReady keeps condition Ready at False, though everything is in place.
	NeverReady Name = "never-ready"
	// LeavesAnOrphan lets a deleted Guestbook go without removing its directory entry.
	LeavesAnOrphan Name = "leaves-an-orphan"
	// LosesAStatusUpdate leaves the status at the generation it first described.
	LosesAStatusUpdate Name = "loses-a-status-update"
	// HotLoop writes to a child once a second, for ever.
	HotLoop Name = "hot-loop"
	// ForgetsToShrink leaves a Deployment as large as it ever was.
	ForgetsToShrink Name = "forgets-to-shrink"
	// RewritesTheSpec changes a port that users leave at its default.
	RewritesTheSpec Name = "rewrites-the-spec"
	// ClampsSizes lets the defaulting webhook repair a size that the schema forbids.
	ClampsSizes Name = "clamps-sizes"
	// OverridesADefault lets the defaulting webhook replace the schema's default of the port.
	OverridesADefault Name = "overrides-a-default"
	// DropsUnknownFields lets the defaulting webhook write back only what its Go type knows.
	DropsUnknownFields Name = "drops-unknown-fields"
	// AppendsToMessages lets the defaulting webhook add to what it has added before.
	AppendsToMessages Name = "appends-to-messages"
	// WritesOnDryRuns lets the defaulting webhook note each call in a ConfigMap, dry runs too.
	WritesOnDryRuns Name = "writes-on-dry-runs"
	// LeaksMemory keeps 16 KiB for each Guestbook that goes.
	LeaksMemory Name = "leaks-memory"
)

var known = []Name{
	None, NeverReady, LeavesAnOrphan, LosesAStatusUpdate, HotLoop, ForgetsToShrink, RewritesTheSpec,
	ClampsSizes, OverridesADefault, DropsUnknownFields, AppendsToMessages, WritesOnDryRuns,
	LeaksMemory,
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
