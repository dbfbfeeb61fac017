// SPDX-License-Identifier: Apache-2.0

// Package apis collects the API types of this project.
package apis

import (
	"k8s.io/apimachinery/pkg/runtime"

	"operator-harness.example/imoocpod/pkg/apis/k8s/v1alpha1"
)

// AddToSchemes holds what registers each version's types.
var AddToSchemes = runtime.NewSchemeBuilder(v1alpha1.AddToScheme)

// AddToScheme registers all types in a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	return AddToSchemes.AddToScheme(scheme)
}
