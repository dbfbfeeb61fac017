//go:build tools

// Package tools pins the command of kind that harness/assets builds.
package tools

import (
	_ "sigs.k8s.io/kind"
)
