// SPDX-License-Identifier: Apache-2.0

// Package imoocpod holds the reconciler of ImoocPods.
package imoocpod

import (
	"context"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"operator-harness.example/imoocpod/pkg/apis/k8s/v1alpha1"
	"operator-harness.example/imoocpod/pkg/defects"
)

// staleRetry is how long to wait for the cache when it lags behind what was just written.
const staleRetry = 100 * time.Millisecond

// ReconcileImoocPod keeps the pods of ImoocPods.
type ReconcileImoocPod struct {
	client   client.Client
	scheme   *runtime.Scheme
	recorder events.EventRecorder
	// defect is the fault of a faulty twin, none in the healthy operator.
	defect defects.Name
	seeded seeded
}

var _ reconcile.Reconciler = (*ReconcileImoocPod)(nil)

// Add adds the controller of ImoocPods to a manager. Of an ImoocPod only a change of the spec counts,
// so that the status, which this controller itself writes, doesn't bring it back.
func Add(mgr manager.Manager, defect defects.Name) error {
	reconciler := &ReconcileImoocPod{
		client:   client.WithFieldOwner(mgr.GetClient(), "imoocpod-operator"),
		scheme:   mgr.GetScheme(),
		recorder: mgr.GetEventRecorder("imoocpod-controller"),
		defect:   defect,
		seeded:   seeded{process: time.Now().UTC().Format("20060102T150405.000000"), exit: os.Exit},
	}
	return builder.ControllerManagedBy(mgr).
		Named("imoocpod").
		For(&v1alpha1.ImoocPod{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&corev1.Pod{}).
		Complete(reconciler)
}

// WatchedKinds are the kinds whose caches must have synced before the operator is ready.
func WatchedKinds() []client.Object {
	return []client.Object{&v1alpha1.ImoocPod{}, &corev1.Pod{}}
}

// Reconcile creates the pods that are missing, deletes those that are too many, and tells in the
// status which are there. The pods of a deleted ImoocPod go by garbage collection.
func (r *ReconcileImoocPod) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	owner := &v1alpha1.ImoocPod{}
	if err := r.client.Get(ctx, request.NamespacedName, owner); err != nil {
		if apierrors.IsNotFound(err) {
			r.dieIfSeeded(ctx)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !owner.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	result, err := r.reconcile(ctx, owner)
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return reconcile.Result{}, nil // The ImoocPod itself is about to be deleted.
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		logf.FromContext(ctx).V(1).Info("The cache lags behind, looking again", "cause", err.Error())
		return reconcile.Result{RequeueAfter: staleRetry}, nil
	}
	return result, err
}

func (r *ReconcileImoocPod) reconcile(ctx context.Context, owner *v1alpha1.ImoocPod) (reconcile.Result, error) {
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(owner.Namespace)); err != nil {
		return reconcile.Result{}, err
	}
	todo := planFor(owner, pods.Items, func(pod *corev1.Pod) standing { return r.standing(owner, pod) })
	for _, pod := range todo.doomed {
		if err := r.delete(ctx, owner, pod); err != nil {
			return reconcile.Result{}, err
		}
	}
	present := todo.kept
	for _, number := range todo.missing {
		pod, err := r.create(ctx, owner, number)
		if err != nil {
			return reconcile.Result{}, err
		}
		present = append(present, pod)
	}
	return r.again(), r.writeStatus(ctx, owner, r.altered(owner, statusOf(present)))
}

// standing says what a pod of the namespace is to an ImoocPod.
func (r *ReconcileImoocPod) standing(owner *v1alpha1.ImoocPod, pod *corev1.Pod) standing {
	ours := metav1.IsControlledBy(pod, owner)
	if r.defect == defects.LeavesItsPods {
		ours = pod.Labels[uidLabel] == string(owner.UID)
	}
	switch {
	case !ours:
		return foreign
	case !pod.DeletionTimestamp.IsZero():
		return leaving
	case hasEnded(pod), r.isExpired(pod):
		return useless
	}
	return living
}

func (r *ReconcileImoocPod) create(ctx context.Context, owner *v1alpha1.ImoocPod, number int) (*corev1.Pod, error) {
	pod := newPod(owner, number)
	r.mark(pod)
	if r.defect != defects.LeavesItsPods {
		if err := controllerutil.SetControllerReference(owner, pod, r.scheme); err != nil {
			return nil, err
		}
	}
	if err := r.client.Create(ctx, pod); err != nil {
		return nil, err
	}
	r.recorder.Eventf(owner, pod, corev1.EventTypeNormal, "Created", "CreatePod", "Created pod %s", pod.Name)
	return pod, nil
}

// delete deletes this very pod, not one that has got its name since.
func (r *ReconcileImoocPod) delete(ctx context.Context, owner *v1alpha1.ImoocPod, pod *corev1.Pod) error {
	err := r.client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID})
	if err == nil {
		r.recorder.Eventf(owner, pod, corev1.EventTypeNormal, "Deleted", "DeletePod", "Deleted pod %s", pod.Name)
	}
	return client.IgnoreNotFound(err)
}

// writeStatus writes the status if it changes.
func (r *ReconcileImoocPod) writeStatus(
	ctx context.Context, owner *v1alpha1.ImoocPod, status v1alpha1.ImoocPodStatus,
) error {
	if equality.Semantic.DeepEqual(owner.Status, status) {
		return nil
	}
	update := owner.DeepCopy()
	update.Status = status
	if r.defect == defects.WritesStatusWithTheObject {
		return client.IgnoreNotFound(r.client.Update(ctx, update))
	}
	return client.IgnoreNotFound(r.client.Status().Update(ctx, update))
}
