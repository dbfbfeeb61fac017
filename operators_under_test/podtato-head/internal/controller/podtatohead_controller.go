// SPDX-License-Identifier: Apache-2.0

// Package controller holds the reconciler of PodtatoHeads.
package controller

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
	"operator-harness.example/podtato-head/internal/defects"
	"operator-harness.example/podtato-head/internal/rollout"
)

const (
	// staleRetry is how long to wait for the cache after a conflict with a newer object.
	staleRetry = 100 * time.Millisecond
	// conflictRetry is how often a name that somebody else holds is tried again; the holder isn't
	// in our cache, so no event tells us that it is gone.
	conflictRetry = 15 * time.Second
)

// PodtatoHeadReconciler brings the parts of PodtatoHeads to the version that their specs want.
type PodtatoHeadReconciler struct {
	client.Client
	// APIReader reads past the cache, where the cache can't be trusted to be complete.
	APIReader client.Reader
	Scheme    *runtime.Scheme
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	// PartImage is the image of a part; {part} and {version} in it are filled in.
	PartImage string
	// Started is when this process began.
	Started time.Time
	// Defect is the fault of a faulty twin, none in the healthy operator.
	Defect defects.Name
}

// +kubebuilder:rbac:groups=podtato.example.org,resources=podtatoheads,verbs=get;list;watch
// +kubebuilder:rbac:groups=podtato.example.org,resources=podtatoheads/status,verbs=update
// +kubebuilder:rbac:groups=podtato.example.org,resources=podtatoheads/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings the parts of one PodtatoHead a step nearer to its spec, and its status to what is seen.
func (r *PodtatoHeadReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	app := &podtatov1.PodtatoHead{}
	if err := r.Get(ctx, request.NamespacedName, app); err != nil {
		if apierrors.IsNotFound(err) && r.Defect == defects.PanicsAfterDeletion {
			logf.FromContext(ctx).Info("Gone", "since", app.Status.RolloutStartedAt.Unix()) // It is nil.
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !app.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // The parts go by garbage collection.
	}
	parts, err := r.keepParts(ctx, app)
	var conflict *nameConflictError
	switch {
	case err == nil:
		next, wait := rollout.Next(app, parts, r.Clock.Now())
		return ctrl.Result{RequeueAfter: wait}, r.writeStatus(ctx, app, next)
	case apierrors.IsConflict(err):
		logf.FromContext(ctx).V(1).Info("An object has changed meanwhile, looking again", "cause", err.Error())
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // The PodtatoHead itself is about to be deleted.
	case errors.As(err, &conflict):
		next := rollout.Blocked(app, rollout.ReasonNameConflict, conflict.Error())
		return ctrl.Result{RequeueAfter: conflictRetry}, r.writeStatus(ctx, app, next)
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		next := rollout.Blocked(app, rollout.ReasonPartRejected,
			"the API server rejects a part ("+string(apierrors.ReasonForError(err))+"); the operator's log says why")
		return ctrl.Result{}, errors.Join(err, r.writeStatus(ctx, app, next))
	}
	return ctrl.Result{}, err
}

// keepParts tells each part what to run, and returns how far it is.
func (r *PodtatoHeadReconciler) keepParts(ctx context.Context, app *podtatov1.PodtatoHead) ([]podtatov1.PartStatus, error) {
	version := rollout.Target(app)
	parts := make([]podtatov1.PartStatus, 0, len(Parts))
	for _, part := range Parts {
		place := metav1.ObjectMeta{Namespace: app.Namespace, Name: partName(app, part)}
		if _, err := keep(ctx, r, app, &corev1.Service{ObjectMeta: place}, func(service *corev1.Service) error {
			fillService(service, app, part)
			if r.Defect == defects.ForgetsAnOwner && part == "hat" {
				return nil
			}
			return controllerutil.SetControllerReference(app, service, r.Scheme)
		}); err != nil {
			return nil, err
		}
		deployment, err := keep(ctx, r, app, &appsv1.Deployment{ObjectMeta: place}, func(deployment *appsv1.Deployment) error {
			fillDeployment(deployment, app, part, version, r.PartImage)
			if r.Defect == defects.RestartsParts {
				stamp := r.Started.UTC().Format(time.RFC3339Nano)
				metav1.SetMetaDataAnnotation(&deployment.Spec.Template.ObjectMeta, startedAnnotation, stamp)
			}
			return controllerutil.SetControllerReference(app, deployment, r.Scheme)
		})
		if err != nil {
			return nil, err
		}
		missed := r.Defect == defects.MissesAPart && part == "right-leg"
		parts = append(parts, podtatov1.PartStatus{
			Name: part, Image: image(r.PartImage, part, version), Ready: isReady(deployment) && !missed,
		})
	}
	return parts, nil
}

// writeStatus writes the status if it changes. A conflict means that the cache lags; the newer object
// brings us back.
func (r *PodtatoHeadReconciler) writeStatus(
	ctx context.Context, app *podtatov1.PodtatoHead, next podtatov1.PodtatoHeadStatus,
) error {
	if equality.Semantic.DeepEqual(app.Status, next) {
		return nil
	}
	seen := app.Status.ObservedGeneration
	if r.Defect == defects.KeepsAnOldStatus && seen != 0 && seen != app.Generation {
		return nil
	}
	update := app.DeepCopy()
	update.Status = next
	err := r.Status().Update(ctx, update)
	if err == nil {
		r.announce(app, next)
	}
	return client.IgnoreNotFound(err)
}

// announce records an event for each phase that people want to know of.
func (r *PodtatoHeadReconciler) announce(app *podtatov1.PodtatoHead, next podtatov1.PodtatoHeadStatus) {
	if app.Status.Phase == next.Phase && app.Status.Version == next.Version {
		return
	}
	kind := corev1.EventTypeNormal
	switch next.Phase {
	case podtatov1.PhaseRollingBack, podtatov1.PhaseRolledBack, podtatov1.PhaseFailed:
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(app, nil, kind, string(next.Phase), "Rollout", "%d of %d parts run %s",
		next.ReadyParts, len(next.Parts), next.Version)
}

// CacheOptions keep in memory what the reconciler reads: all PodtatoHeads, and of the other kinds only
// what carries this operator's label.
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{managedByLabel: ManagedBy})}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}: ours,
			&corev1.Service{}:    ours,
		},
	}
}

// SetupWithManager registers the reconciler, to be called whenever a PodtatoHead or one of its parts changes.
func (r *PodtatoHeadReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("podtatohead").
		For(&podtatov1.PodtatoHead{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}
