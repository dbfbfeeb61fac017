// SPDX-License-Identifier: Apache-2.0

// Package controller holds the reconciler of Applications.
package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	kappsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	appsv1 "operator-harness.example/application/api/v1"
	"operator-harness.example/application/internal/defects"
)

const (
	// staleRetry is how long to wait for the cache after a conflict with a newer object.
	staleRetry = 100 * time.Millisecond
	// conflictRetry is how often a name that somebody else holds is tried again; no event of an
	// object that isn't ours comes here.
	conflictRetry = 15 * time.Second

	startedAnnotation = "apps.example.org/operator-started-at"
)

// ApplicationReconciler brings the children of Applications to what their specs want.
type ApplicationReconciler struct {
	client.Client
	Scheme   *runtime.Scheme
	Recorder events.EventRecorder
	// Defect is the fault of a faulty twin, none in the healthy operator.
	Defect defects.Name
	// Started is when this process began; only a faulty twin wants to know.
	Started time.Time
}

// nameConflictError says that an object which isn't ours has the name that a child needs.
type nameConflictError struct {
	kind, name string
}

func (e *nameConflictError) Error() string {
	return fmt.Sprintf("%s %q exists and doesn't belong to this Application; delete or rename it", e.kind, e.name)
}

// +kubebuilder:rbac:groups=apps.example.org,resources=applications,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps.example.org,resources=applications/status,verbs=update
// Cluster administrators may demand "update" on finalizers of him who sets blockOwnerDeletion, and
// "delete" on a child of him who restores its owner reference (OwnerReferencesPermissionEnforcement).
// +kubebuilder:rbac:groups=apps.example.org,resources=applications/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one Application's children a step nearer to its spec, and its status to what is
// seen. A deleted Application needs nothing: its children go by garbage collection.
func (r *ApplicationReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	application := &appsv1.Application{}
	if err := r.Get(ctx, request.NamespacedName, application); err != nil {
		if apierrors.IsNotFound(err) && r.Defect == defects.PanicsAfterDelete {
			application = nil
			logf.FromContext(ctx).Info("Gone", "image", application.Spec.Image)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !application.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	result, err := r.reconcile(ctx, application)
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // The Application itself is about to be deleted.
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		logf.FromContext(ctx).V(1).Info("The cache lags behind, looking again", "cause", err.Error())
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	}
	return result, err
}

func (r *ApplicationReconciler) reconcile(
	ctx context.Context, application *appsv1.Application,
) (ctrl.Result, error) {
	seen, err := r.keepChildren(ctx, application)
	if err != nil {
		return r.explain(ctx, application, err)
	}
	return ctrl.Result{}, r.writeStatus(ctx, application, seen, judge(seen.deployment, replicas(application)))
}

// keepChildren brings each object to what the spec wants.
func (r *ApplicationReconciler) keepChildren(
	ctx context.Context, application *appsv1.Application,
) (*children, error) {
	place := metav1.ObjectMeta{Namespace: application.Namespace, Name: childName(application)}
	seen := &children{
		deployment: &kappsv1.Deployment{ObjectMeta: place}, service: &corev1.Service{ObjectMeta: place},
	}
	if err := r.keep(ctx, application, seen.service, true, func() {
		fillService(seen.service, application)
	}); err != nil {
		return nil, err
	}
	if err := r.keep(ctx, application, seen.deployment, true, func() {
		fillDeployment(seen.deployment, application)
		if r.Defect == defects.RollsOutAtRestart {
			metav1.SetMetaDataAnnotation(&seen.deployment.Spec.Template.ObjectMeta, startedAnnotation,
				r.Started.UTC().Format(time.RFC3339Nano))
		}
	}); err != nil {
		return nil, err
	}
	ingress := &networkingv1.Ingress{ObjectMeta: place}
	if application.Spec.Ingress == nil {
		return seen, r.drop(ctx, application, ingress)
	}
	seen.ingress = ingress
	return seen, r.keep(ctx, application, ingress, r.Defect != defects.LeavesTheIngress, func() {
		fillIngress(ingress, application)
	})
}

// keep brings one object to what fill wants, and leaves it in child as it then is. It writes nothing
// if nothing differs, and never touches an object of somebody else, or one that is being deleted:
// its deletion brings us back to create it anew.
func (r *ApplicationReconciler) keep(
	ctx context.Context, application *appsv1.Application, child client.Object, owned bool, fill func(),
) error {
	done, err := controllerutil.CreateOrUpdate(ctx, r.Client, child, func() error {
		if child.GetUID() != "" && !belongsTo(child, application) {
			return &nameConflictError{kind: kindOf(child), name: child.GetName()}
		}
		if !child.GetDeletionTimestamp().IsZero() {
			return nil
		}
		fillLabels(child, application)
		fill()
		if !owned {
			return nil
		}
		return controllerutil.SetControllerReference(application, child, r.Scheme)
	})
	if err == nil && done == controllerutil.OperationResultCreated {
		r.Recorder.Eventf(application, child, corev1.EventTypeNormal, "Created", "CreateChild",
			"Created %s %s", kindOf(child), child.GetName())
	}
	return err
}

// drop deletes a child that is no longer wanted. One of the same name that isn't ours stays.
func (r *ApplicationReconciler) drop(
	ctx context.Context, application *appsv1.Application, child client.Object,
) error {
	if err := r.Get(ctx, client.ObjectKeyFromObject(child), child); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !belongsTo(child, application) || !child.GetDeletionTimestamp().IsZero() {
		return nil
	}
	uid := child.GetUID()
	err := r.Delete(ctx, child, client.Preconditions{UID: &uid})
	if err == nil {
		r.Recorder.Eventf(application, child, corev1.EventTypeNormal, "Deleted", "DeleteChild",
			"Deleted %s %s", kindOf(child), child.GetName())
	}
	return client.IgnoreNotFound(err)
}

// belongsTo says whether an object is an Application's: by its controller reference or, if it has
// none (somebody has taken it away), by our label.
func belongsTo(object client.Object, application *appsv1.Application) bool {
	if controller := metav1.GetControllerOf(object); controller != nil {
		return controller.UID == application.UID
	}
	return object.GetLabels()[uidLabel] == string(application.UID)
}

func kindOf(object client.Object) string {
	return fmt.Sprintf("%T", object)[len("*v1."):]
}

// explain puts an error that needs somebody's help into the status; others are just tried again.
func (r *ApplicationReconciler) explain(
	ctx context.Context, application *appsv1.Application, cause error,
) (ctrl.Result, error) {
	var conflict *nameConflictError
	switch {
	case errors.As(cause, &conflict):
		found := verdict{reason: reasonNameConflict, message: conflict.Error()}
		return ctrl.Result{RequeueAfter: conflictRetry}, r.writeStatus(ctx, application, nil, found)
	case apierrors.HasStatusCause(cause, corev1.NamespaceTerminatingCause):
	case apierrors.IsForbidden(cause), apierrors.IsInvalid(cause):
		found := verdict{
			reason:  reasonChildRejected,
			message: "the API server rejects a child (" + string(apierrors.ReasonForError(cause)) + "); the operator's log says why",
		}
		if err := r.writeStatus(ctx, application, nil, found); err != nil {
			return ctrl.Result{}, err // A conflict too: the spec may have been mended.
		}
	}
	return ctrl.Result{}, cause
}

// writeStatus writes the status if it changes. After a conflict the Application is looked at again,
// since then its spec may have changed too.
func (r *ApplicationReconciler) writeStatus(
	ctx context.Context, application *appsv1.Application, seen *children, found verdict,
) error {
	next := describe(application, seen, found)
	if equality.Semantic.DeepEqual(application.Status, next) {
		return nil
	}
	update := application.DeepCopy()
	update.Status = next
	if err := r.Status().Update(ctx, update); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.announce(application, found)
	return nil
}

// announce records the few events that are worth one: an Application becomes ready, or needs help.
func (r *ApplicationReconciler) announce(application *appsv1.Application, found verdict) {
	old := meta.FindStatusCondition(application.Status.Conditions, appsv1.ConditionReady)
	switch {
	case found.ready && (old == nil || old.Status != metav1.ConditionTrue):
		r.Recorder.Eventf(application, nil, corev1.EventTypeNormal, "Ready", "Reconcile", "The application is ready")
	case !found.ready && !found.progressing && (old == nil || old.Reason != found.reason):
		r.Recorder.Eventf(application, nil, corev1.EventTypeWarning, found.reason, "Reconcile", "%s", found.message)
	}
}

// CacheOptions leave out what the reconciler doesn't read. All objects of the watched kinds are
// kept, also those of others: so a name that is taken is known before it is tried.
func CacheOptions() cache.Options {
	return cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
}

// WatchedKinds are the kinds whose caches must have synced before the operator is ready.
func WatchedKinds() []client.Object {
	return []client.Object{
		&appsv1.Application{}, &kappsv1.Deployment{}, &corev1.Service{}, &networkingv1.Ingress{},
	}
}

// SetupWithManager registers the reconciler, to be called whenever an Application or one of its
// children changes.
func (r *ApplicationReconciler) SetupWithManager(mgr ctrl.Manager, concurrency int) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("application").
		For(&appsv1.Application{}).
		Owns(&kappsv1.Deployment{}).
		Owns(&corev1.Service{}).
		Owns(&networkingv1.Ingress{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}
