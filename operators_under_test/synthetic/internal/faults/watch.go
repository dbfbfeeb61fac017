// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	v1 "operator-harness.example/synthetic/api/v1"
)

var (
	definitions = schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	}
	tasks = v1.GroupVersion.WithResource("tasks")
)

// WatchLeak opens one more watch of Tasks whenever their definition is made anew, and ends none. It
// is a manager's Runnable.
type WatchLeak struct {
	Config *rest.Config
}

// Start looks at the definition until the context ends.
func (w *WatchLeak) Start(ctx context.Context) error {
	client, err := metadata.NewForConfig(w.Config)
	if err != nil {
		return fmt.Errorf("no client for the watch that leaks: %w", err)
	}
	only := func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, v1.Name).String()
	}
	informer := metadatainformer.NewFilteredMetadataInformer(
		client, definitions, metav1.NamespaceAll, 0, cache.Indexers{}, only,
	).Informer()
	known := map[types.UID]bool{}
	seen := func(object any) {
		definition, ok := object.(metav1.Object)
		if !ok || known[definition.GetUID()] {
			return
		}
		if len(known) > 0 {
			go leakWatch(client)
		}
		known[definition.GetUID()] = true
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    seen,
		UpdateFunc: func(_, object any) { seen(object) }, // Deleted and made anew between two lists.
	})
	if err != nil {
		return fmt.Errorf("watching the definition: %w", err)
	}
	informer.RunWithContext(ctx)
	return nil
}

// leakWatch has no end: that of the manager doesn't reach it.
func leakWatch(client metadata.Interface) {
	informer := metadatainformer.NewFilteredMetadataInformer(
		client, tasks, metav1.NamespaceAll, 0, cache.Indexers{}, nil,
	).Informer()
	informer.RunWithContext(context.Background())
}
