// SPDX-License-Identifier: Apache-2.0

// Package controller holds the reconciler of Guestbooks.
package controller

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	webappv1 "operator-harness.example/guestbook/api/v1"
	"operator-harness.example/guestbook/internal/defects"
)

const (
	// staleRetry is how long to wait for the cache after a conflict with a newer object.
	staleRetry = 100 * time.Millisecond
	// conflictRetry is how often a name that somebody else holds is tried again; the holder isn't
	// in our cache, so no event tells us that it is gone.
	conflictRetry = 15 * time.Second
)

// GuestbookReconciler brings the children of Guestbooks to what their specs want.
type GuestbookReconciler struct {
	client.Client
	// APIReader reads past the cache, where the cache can't be trusted to be complete or current.
	APIReader client.Reader
	Scheme    *runtime.Scheme
	Recorder  events.EventRecorder
	// Defect is the fault of a faulty twin, none in the healthy operator.
	Defect defects.Name

	gone gone
}

// children are the objects that a reconcile has to look at again.
type children struct {
	deployment *appsv1.Deployment
	page       *corev1.ConfigMap
}

// +kubebuilder:rbac:groups=webapp.tutorial.kubebuilder.io,resources=guestbooks,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=webapp.tutorial.kubebuilder.io,resources=guestbooks/status,verbs=update
// Cluster administrators may demand "update" on finalizers of him who sets blockOwnerDeletion, and
// "delete" on a child of him who restores its owner reference (OwnerReferencesPermissionEnforcement).
// +kubebuilder:rbac:groups=webapp.tutorial.kubebuilder.io,resources=guestbooks/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups="",resources=services;configmaps,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one Guestbook's children a step nearer to its spec, and its status to what is seen.
func (r *GuestbookReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	guestbook := &webappv1.Guestbook{}
	if err := r.Get(ctx, request.NamespacedName, guestbook); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	result, err := r.reconcile(ctx, guestbook)
	switch {
	case apierrors.IsConflict(err):
		logf.FromContext(ctx).V(1).Info("An object has changed meanwhile, looking again", "cause", err.Error())
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // The Guestbook itself is about to be deleted.
	}
	return result, err
}

func (r *GuestbookReconciler) reconcile(ctx context.Context, guestbook *webappv1.Guestbook) (ctrl.Result, error) {
	if !guestbook.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.cleanUp(ctx, guestbook)
	}
	if err := r.addFinalizer(ctx, guestbook); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Defect == defects.RewritesTheSpec {
		if err := r.rewriteSpec(ctx, guestbook); err != nil {
			return ctrl.Result{}, err
		}
	}
	seen, err := r.keepChildren(ctx, guestbook)
	if err != nil {
		return r.explain(ctx, guestbook, err)
	}
	found := judge(seen.deployment, guestbook.Spec.Size)
	if r.Defect == defects.NeverReady {
		found = verdict{progressing: true, reason: reasonRollingOut, message: "waiting (seeded defect)"}
	}
	if err := r.writeStatus(ctx, guestbook, seen, found); err != nil {
		return ctrl.Result{}, err
	}
	if r.Defect == defects.HotLoop {
		return r.stampEverySecond(ctx, seen.page)
	}
	return ctrl.Result{}, nil
}

// rewriteSpec is a seeded defect: what the user wrote is the user's.
func (r *GuestbookReconciler) rewriteSpec(ctx context.Context, guestbook *webappv1.Guestbook) error {
	const defaultPort, otherPort = 80, 8080
	if guestbook.Spec.Port != defaultPort {
		return nil
	}
	before := guestbook.DeepCopy()
	guestbook.Spec.Port = otherPort
	return r.Patch(ctx, guestbook, client.MergeFrom(before))
}

// addFinalizer comes before the first child is created. It writes the finalizers and nothing else.
func (r *GuestbookReconciler) addFinalizer(ctx context.Context, guestbook *webappv1.Guestbook) error {
	before := guestbook.DeepCopy()
	if !controllerutil.AddFinalizer(guestbook, webappv1.CleanupFinalizer) {
		return nil
	}
	return r.Patch(ctx, guestbook, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// cleanUp removes what the garbage collector can't, and then lets the Guestbook go.
func (r *GuestbookReconciler) cleanUp(ctx context.Context, guestbook *webappv1.Guestbook) error {
	if !controllerutil.ContainsFinalizer(guestbook, webappv1.CleanupFinalizer) {
		return nil
	}
	if r.Defect != defects.LeavesAnOrphan {
		entry := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: guestbook.Namespace, Name: directoryName(guestbook),
		}}
		if err := client.IgnoreNotFound(r.Delete(ctx, entry)); err != nil {
			return err
		}
	}
	before := guestbook.DeepCopy()
	controllerutil.RemoveFinalizer(guestbook, webappv1.CleanupFinalizer)
	err := r.Patch(ctx, guestbook, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err == nil {
		logf.FromContext(ctx).Info("Cleaned up")
		if r.Defect == defects.LeaksMemory {
			r.gone.remember()
		}
	}
	return client.IgnoreNotFound(err)
}

// keepChildren brings each object to what the spec wants. The Deployment is the last one, so that
// what its pods need is there before they are.
func (r *GuestbookReconciler) keepChildren(ctx context.Context, guestbook *webappv1.Guestbook) (*children, error) {
	place := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: guestbook.Namespace, Name: name}
	}
	own := func(child client.Object) error {
		fillLabels(child, guestbook)
		return controllerutil.SetControllerReference(guestbook, child, r.Scheme)
	}
	if _, _, err := keep(ctx, r, guestbook, &corev1.ConfigMap{ObjectMeta: place(directoryName(guestbook))},
		func(entry *corev1.ConfigMap) error {
			fillLabels(entry, guestbook)
			fillDirectoryEntry(entry, guestbook)
			return nil
		}); err != nil {
		return nil, err
	}
	page, _, err := keep(ctx, r, guestbook, &corev1.ConfigMap{ObjectMeta: place(pageName(guestbook))},
		func(page *corev1.ConfigMap) error {
			fillPage(page, guestbook)
			return own(page)
		})
	if err != nil {
		return nil, err
	}
	if _, _, err := keep(ctx, r, guestbook, &corev1.Service{ObjectMeta: place(webName(guestbook))},
		func(service *corev1.Service) error {
			fillService(service, guestbook)
			return own(service)
		}); err != nil {
		return nil, err
	}
	deployment, created, err := keep(ctx, r, guestbook, &appsv1.Deployment{ObjectMeta: place(webName(guestbook))},
		func(deployment *appsv1.Deployment) error {
			before := ptr.Deref(deployment.Spec.Replicas, 0)
			fillDeployment(deployment, guestbook)
			if r.Defect == defects.ForgetsToShrink {
				deployment.Spec.Replicas = ptr.To(max(before, guestbook.Spec.Size))
			}
			return own(deployment)
		})
	if err != nil {
		return nil, err
	}
	if created {
		r.Recorder.Eventf(guestbook, deployment, corev1.EventTypeNormal, "Created", "CreateChildren",
			"Created Deployment and Service %s", deployment.Name)
	}
	return &children{deployment: deployment, page: page}, nil
}

// explain puts an error that needs somebody's help into the status; others are just tried again.
func (r *GuestbookReconciler) explain(
	ctx context.Context, guestbook *webappv1.Guestbook, cause error,
) (ctrl.Result, error) {
	var conflict *nameConflictError
	switch {
	case errors.As(cause, &conflict):
		found := verdict{reason: reasonNameConflict, message: conflict.Error()}
		return ctrl.Result{RequeueAfter: conflictRetry}, r.writeStatus(ctx, guestbook, nil, found)
	case apierrors.HasStatusCause(cause, corev1.NamespaceTerminatingCause):
	case apierrors.IsForbidden(cause), apierrors.IsInvalid(cause):
		found := verdict{
			reason:  reasonChildRejected,
			message: "the API server rejects a child (" + string(apierrors.ReasonForError(cause)) + "); the operator's log says why",
		}
		return ctrl.Result{}, errors.Join(cause, r.writeStatus(ctx, guestbook, nil, found))
	}
	return ctrl.Result{}, cause
}

// writeStatus writes the status if it changes, with a fresh read after a conflict. If by then the
// spec has changed too, the status is left to the reconcile that sees the new spec.
func (r *GuestbookReconciler) writeStatus(
	ctx context.Context, guestbook *webappv1.Guestbook, seen *children, found verdict,
) error {
	current := guestbook
	wasReady := meta.IsStatusConditionTrue(guestbook.Status.Conditions, webappv1.ConditionReady)
	if r.Defect == defects.LosesAStatusUpdate && current.Status.ObservedGeneration != 0 &&
		current.Status.ObservedGeneration != guestbook.Generation {
		return nil
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		next := describe(current.Status, guestbook, seen, found)
		if equality.Semantic.DeepEqual(current.Status, next) {
			return nil
		}
		update := current.DeepCopy()
		update.Status = next
		err := r.Status().Update(ctx, update)
		if !apierrors.IsConflict(err) {
			return err
		}
		fresh := &webappv1.Guestbook{}
		if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(guestbook), fresh); err != nil {
			return err
		}
		if fresh.UID != guestbook.UID || fresh.Generation != guestbook.Generation {
			return nil
		}
		current = fresh
		return err
	})
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	r.announce(guestbook, wasReady, found)
	return nil
}

// announce records the few events that are worth one: a Guestbook becomes ready, or needs help.
func (r *GuestbookReconciler) announce(guestbook *webappv1.Guestbook, wasReady bool, found verdict) {
	old := meta.FindStatusCondition(guestbook.Status.Conditions, webappv1.ConditionReady)
	switch {
	case found.ready && !wasReady:
		r.Recorder.Eventf(guestbook, nil, corev1.EventTypeNormal, "Ready", "Reconcile", "The guestbook is ready")
	case !found.ready && !found.progressing && (old == nil || old.Reason != found.reason):
		r.Recorder.Eventf(guestbook, nil, corev1.EventTypeWarning, found.reason, "Reconcile", "%s", found.message)
	}
}

// stampEverySecond is a seeded defect: an operator that finds something to write each time it looks.
func (r *GuestbookReconciler) stampEverySecond(ctx context.Context, page *corev1.ConfigMap) (ctrl.Result, error) {
	stamped := page.DeepCopy()
	metav1.SetMetaDataAnnotation(&stamped.ObjectMeta, "webapp.tutorial.kubebuilder.io/last-seen",
		time.Now().UTC().Format(time.RFC3339))
	if !equality.Semantic.DeepEqual(page, stamped) {
		if err := r.Update(ctx, stamped); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{RequeueAfter: time.Second}, nil
}

// CacheOptions keep in memory what the reconciler reads: all Guestbooks, and of the other kinds only
// what carries this operator's label.
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{managedByLabel: ManagedBy})}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}: ours,
			&corev1.Service{}:    ours,
			&corev1.ConfigMap{}:  ours,
		},
	}
}

// WatchedKinds are the kinds whose caches must have synced before the operator is ready.
func WatchedKinds() []client.Object {
	return []client.Object{
		&webappv1.Guestbook{}, &appsv1.Deployment{}, &corev1.Service{}, &corev1.ConfigMap{},
	}
}

// SetupWithManager registers the reconciler, to be called whenever a Guestbook, one of its children
// or its directory entry changes.
func (r *GuestbookReconciler) SetupWithManager(mgr ctrl.Manager, concurrency int) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("guestbook").
		For(&webappv1.Guestbook{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.guestbookOfEntry)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

// guestbookOfEntry finds the Guestbook of a directory entry, which has no owner reference. That of a
// Guestbook on its way out is of no interest: to look again, with a cache that may lag, would only
// repeat the clean-up.
func (r *GuestbookReconciler) guestbookOfEntry(ctx context.Context, object client.Object) []reconcile.Request {
	entry, ok := object.(*corev1.ConfigMap)
	if !ok || metav1.GetControllerOf(entry) != nil || entry.Data[guestbookKey] == "" {
		return nil
	}
	key := types.NamespacedName{Namespace: entry.Namespace, Name: entry.Data[guestbookKey]}
	guestbook := &webappv1.Guestbook{}
	if err := r.Get(ctx, key, guestbook); apierrors.IsNotFound(err) || !guestbook.DeletionTimestamp.IsZero() {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}
