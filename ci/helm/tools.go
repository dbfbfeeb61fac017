//go:build tools

// Package tools pins the command of Helm that harness/assets builds.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
