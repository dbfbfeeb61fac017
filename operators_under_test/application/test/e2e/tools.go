//go:build tools

// Package e2e pins the command that runs these tests.
package e2e

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
)
