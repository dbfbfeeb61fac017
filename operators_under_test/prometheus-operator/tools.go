//go:build tools

// Package tools pins the operator's command, which target.yaml and `make targets` build.
package tools

import _ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
