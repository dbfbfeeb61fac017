//go:build tools

// Package tools pins the command that runs these tests.
package tools

import (
	_ "github.com/kudobuilder/kuttl/cmd/kubectl-kuttl"
)
