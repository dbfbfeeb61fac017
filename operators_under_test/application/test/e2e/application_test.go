// SPDX-License-Identifier: Apache-2.0

// Package e2e holds tests that need a cluster, by $KUBECONFIG, in which the operator runs.
package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	applications = schema.GroupVersionResource{Group: "apps.example.org", Version: "v1", Resource: "applications"}
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	namespaces   = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

const patience = 30 * time.Second

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "application")
}

var _ = Describe("An Application", Ordered, func() {
	var (
		client    dynamic.Interface
		namespace string
	)

	BeforeAll(func(ctx SpecContext) {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
		Expect(err).NotTo(HaveOccurred())
		client, err = dynamic.NewForConfig(config)
		Expect(err).NotTo(HaveOccurred())
		made, err := client.Resource(namespaces).Create(ctx, object("v1", "Namespace", map[string]any{
			"generateName": "application-e2e-",
		}, nil), metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		namespace = made.GetName()
		DeferCleanup(func(ctx SpecContext) {
			Expect(client.Resource(namespaces).Delete(ctx, namespace, metav1.DeleteOptions{})).To(Succeed())
		})
	})

	It("gets a Deployment with its replicas", func(ctx SpecContext) {
		_, err := client.Resource(applications).Namespace(namespace).Create(ctx,
			object("apps.example.org/v1", "Application", map[string]any{"name": "web"}, map[string]any{
				"image": "registry.k8s.io/pause:3.10.1", "replicas": int64(2),
			}), metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(func() (int64, error) {
			found, err := client.Resource(deployments).Namespace(namespace).Get(ctx, "web", metav1.GetOptions{})
			if err != nil {
				return 0, err
			}
			replicas, _, err := unstructured.NestedInt64(found.Object, "spec", "replicas")
			return replicas, err
		}).WithContext(ctx).WithTimeout(patience).Should(BeEquivalentTo(2))
	})

	It("is refused without a tag", func(ctx SpecContext) {
		_, err := client.Resource(applications).Namespace(namespace).Create(ctx,
			object("apps.example.org/v1", "Application", map[string]any{"name": "untagged"}, map[string]any{
				"image": "registry.k8s.io/pause:latest",
			}), metav1.CreateOptions{})
		Expect(err).To(MatchError(ContainSubstring("spec.image")))
	})
})

func object(version, kind string, metadata, spec map[string]any) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": version, "kind": kind, "metadata": metadata,
	}}
	if spec != nil {
		made.Object["spec"] = spec
	}
	return made
}
