// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

// nameConflictError says that an object which isn't ours has the name that a child needs.
type nameConflictError struct {
	kind, name string
}

func (e *nameConflictError) Error() string {
	return fmt.Sprintf("%s %q exists and doesn't belong to this Guestbook; delete or rename it", e.kind, e.name)
}

// keep brings one object to what fill wants, and returns it as it then is and whether it had to be
// created. It writes nothing if nothing differs, and never touches an object of somebody else.
func keep[T client.Object](
	ctx context.Context, r *GuestbookReconciler, guestbook *webappv1.Guestbook, blank T, fill func(T) error,
) (T, bool, error) {
	key := client.ObjectKeyFromObject(blank)
	live := blank.DeepCopyObject().(T)
	err := r.Get(ctx, key, live)
	if apierrors.IsNotFound(err) {
		wanted := blank.DeepCopyObject().(T)
		if err := fill(wanted); err != nil {
			return wanted, false, err
		}
		err = r.Create(ctx, wanted)
		if err == nil || !apierrors.IsAlreadyExists(err) {
			return wanted, err == nil, err
		}
		// The cache lags, or has no such object because it lacks our label: ask the API server.
		err = r.APIReader.Get(ctx, key, live)
	}
	if err != nil {
		return live, false, err
	}
	if !belongsTo(live, guestbook) {
		return live, false, &nameConflictError{kind: kindOf(live), name: key.Name}
	}
	if !live.GetDeletionTimestamp().IsZero() {
		return live, false, nil // Its deletion brings us back to create it anew.
	}
	before := live.DeepCopyObject()
	if err := fill(live); err != nil {
		return live, false, err
	}
	if equality.Semantic.DeepEqual(before, live) {
		return live, false, nil
	}
	// With its resourceVersion: if somebody was faster this is a conflict, and we look again.
	return live, false, r.Update(ctx, live)
}

// belongsTo says whether an object is a Guestbook's: by its controller reference or, if it has none
// (a directory entry; a child that lost it), by our label or its name.
func belongsTo(object client.Object, guestbook *webappv1.Guestbook) bool {
	if controller := metav1.GetControllerOf(object); controller != nil {
		return controller.UID == guestbook.UID
	}
	return object.GetLabels()[uidLabel] == string(guestbook.UID) || object.GetName() == directoryName(guestbook)
}

func kindOf(object client.Object) string {
	return fmt.Sprintf("%T", object)[len("*v1."):]
}
