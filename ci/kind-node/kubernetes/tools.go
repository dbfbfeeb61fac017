//go:build tools

// Package tools pins the commands that only a node needs: Kubernetes' own, and the storage
// provisioner, which is here so that it takes the same client-go, compiled once.
package tools

import (
	_ "github.com/rancher/local-path-provisioner"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kubeadm"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
