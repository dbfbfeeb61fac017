// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the API of group k8s.imooc.com, version v1alpha1.
// +kubebuilder:object:generate=true
// +groupName=k8s.imooc.com
package v1alpha1
