//go:build tools

// Package tools pins the command of Prometheus that harness/assets builds.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
)
