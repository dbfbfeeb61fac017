// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
)

// nameConflictError says that an object which isn't ours has the name that a part needs.
type nameConflictError struct {
	kind, name string
}

func (e *nameConflictError) Error() string {
	return fmt.Sprintf("%s %q exists and doesn't belong to this PodtatoHead; delete or rename it", e.kind, e.name)
}

// keep brings one object to what fill wants, and returns it as it then is. It writes nothing if
// nothing differs, and never touches an object of somebody else.
func keep[T client.Object](
	ctx context.Context, r *PodtatoHeadReconciler, app *podtatov1.PodtatoHead, blank T, fill func(T) error,
) (T, error) {
	key := client.ObjectKeyFromObject(blank)
	live := blank.DeepCopyObject().(T)
	err := r.Get(ctx, key, live)
	if apierrors.IsNotFound(err) {
		wanted := blank.DeepCopyObject().(T)
		if err := fill(wanted); err != nil {
			return wanted, err
		}
		err = r.Create(ctx, wanted)
		if err == nil || !apierrors.IsAlreadyExists(err) {
			return wanted, err
		}
		// The cache lags, or has no such object because it lacks our label: ask the API server.
		err = r.APIReader.Get(ctx, key, live)
	}
	if err != nil {
		return live, err
	}
	if owner := metav1.GetControllerOf(live); (owner == nil || owner.UID != app.UID) && !isAdoptable(live, app) {
		return live, &nameConflictError{kind: fmt.Sprintf("%T", live)[len("*v1."):], name: key.Name}
	}
	if !live.GetDeletionTimestamp().IsZero() {
		return live, nil // Its deletion brings us back to create it anew.
	}
	before := live.DeepCopyObject()
	if err := fill(live); err != nil {
		return live, err
	}
	if equality.Semantic.DeepEqual(before, live) {
		return live, nil
	}
	// With its resourceVersion: if somebody was faster this is a conflict, and we look again.
	return live, r.Update(ctx, live)
}

// isAdoptable says whether an object without owner was ours: it carries our labels.
func isAdoptable(object client.Object, app *podtatov1.PodtatoHead) bool {
	labels := object.GetLabels()
	return metav1.GetControllerOf(object) == nil &&
		labels[managedByLabel] == ManagedBy && labels[instanceLabel] == app.Name
}
