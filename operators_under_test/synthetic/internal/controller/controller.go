// SPDX-License-Identifier: Apache-2.0

// Package controller serves Tasks.
package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1 "operator-harness.example/synthetic/api/v1"
	"operator-harness.example/synthetic/internal/faults"
	"operator-harness.example/synthetic/internal/monotonic"
	"operator-harness.example/synthetic/internal/queue"
	"operator-harness.example/synthetic/internal/rawlog"
	"operator-harness.example/synthetic/internal/settings"
)

// atOnce is as soon as the queue can: it knows no requeue without a delay.
const atOnce = time.Nanosecond

var errStale = errors.New("a write with a stale resource version was refused")

// Reconciler serves each generation of each Task once: it waits the service time, then writes the
// status, which is the only request it makes.
type Reconciler struct {
	Client   client.Client
	Server   client.Reader // Without a cache.
	Settings settings.Settings
	Stamps   *queue.Stamps
	Leaks    *faults.Leaks
	Stop     *faults.Stop

	mutex     sync.Mutex
	conflicts map[types.UID]conflicts
	tasks     int // that were served for the first time
}

// conflicts are the stale writes that one generation has had.
type conflicts struct {
	generation int64
	count      int
}

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.conflicts = map[types.UID]conflicts{}
	return ctrl.NewControllerManagedBy(mgr).
		// Its own writes of the status don't wake it, so that the queue holds what was asked for.
		For(&v1.Task{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Settings.Workers, NewQueue: r.Stamps.New}).
		Complete(r)
}

// Reconcile serves one Task.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	row := rawlog.Row{Result: rawlog.Failed}
	again, err := r.reconcile(ctx, request, &row)
	r.Stamps.Note(request, func(noted *rawlog.Row) {
		noted.UID, noted.Generation, noted.Result = row.UID, row.Generation, row.Result
		noted.Begun, noted.ServiceEnded = row.Begun, row.ServiceEnded
	})
	if err == nil && again {
		return ctrl.Result{RequeueAfter: atOnce}, nil
	}
	return ctrl.Result{}, err
}

func (r *Reconciler) reconcile(ctx context.Context, request ctrl.Request, row *rawlog.Row) (again bool, err error) {
	if err := r.Stop.Wait(ctx); err != nil {
		return false, err
	}
	var task v1.Task
	if err := r.Client.Get(ctx, request.NamespacedName, &task); err != nil {
		if apierrors.IsNotFound(err) {
			row.Result = rawlog.Gone
		}
		return false, client.IgnoreNotFound(err)
	}
	row.UID, row.Generation = string(task.UID), task.Generation
	if !task.DeletionTimestamp.IsZero() || (isServed(&task) && !r.Settings.Endless) {
		row.Result = rawlog.Nothing
		return false, nil
	}
	row.Begun = monotonic.Now()
	if err := r.serve(ctx, row.Begun); err != nil {
		return false, err
	}
	row.ServiceEnded = monotonic.Now()
	if err := r.listAll(ctx); err != nil {
		return false, err
	}
	if r.isConflicting(&task) {
		row.Result = rawlog.Conflicted
		return false, r.writeStale(ctx, &task)
	}
	if err := r.leaveOrphan(ctx, &task); err != nil {
		return false, err
	}
	err = r.write(ctx, &task)
	switch {
	case apierrors.IsNotFound(err):
		row.Result = rawlog.Gone
		return false, nil
	case err != nil:
		return false, err
	}
	row.Result = rawlog.Served
	return r.Settings.Endless, r.Leaks.Served()
}

// isServed says whether the status is about the present generation.
func isServed(task *v1.Task) bool {
	return task.Status.ObservedGeneration == task.Generation &&
		meta.IsStatusConditionTrue(task.Status.Conditions, v1.Ready)
}

func (r *Reconciler) serve(ctx context.Context, begun int64) error {
	if r.Settings.Burn > 0 {
		runtime.LockOSThread()
		monotonic.Burn(r.Settings.Burn)
		runtime.UnlockOSThread()
	}
	end := begun + int64(r.Settings.Service()) + int64(r.Settings.Burn)
	if r.Settings.ServiceSpins {
		monotonic.SpinUntil(end)
		return nil
	}
	return monotonic.SleepUntil(ctx, end)
}

// write says in the status that the generation was served. It is a patch without a resource
// version: a Task that was changed meanwhile is no conflict, and its new generation waits already.
func (r *Reconciler) write(ctx context.Context, task *v1.Task) error {
	status := task.DeepCopy().Status
	status.ObservedGeneration = task.Generation
	status.Served++
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type: v1.Ready, Status: metav1.ConditionTrue, Reason: "Served",
		Message: "the service time was spent", ObservedGeneration: task.Generation,
	})
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return fmt.Errorf("encoding a status: %w", err)
	}
	answer := &v1.Task{ObjectMeta: metav1.ObjectMeta{Namespace: task.Namespace, Name: task.Name}}
	return r.Client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, body))
}

func (r *Reconciler) isConflicting(task *v1.Task) bool {
	if r.Settings.Conflicts == 0 {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	had := r.conflicts[task.UID]
	if had.generation != task.Generation {
		had = conflicts{generation: task.Generation}
	}
	if had.count >= r.Settings.Conflicts {
		delete(r.conflicts, task.UID)
		return false
	}
	had.count++
	r.conflicts[task.UID] = had
	return true
}

func (r *Reconciler) writeStale(ctx context.Context, task *v1.Task) error {
	stale := task.DeepCopy()
	stale.ResourceVersion = "1" // Older than any Task.
	stale.Status.ObservedGeneration = task.Generation
	err := r.Client.Status().Update(ctx, stale)
	if err == nil {
		return errors.New("a write with a stale resource version was accepted")
	}
	if apierrors.IsConflict(err) {
		return errStale
	}
	return err
}

// listAll looks at every object for the sake of one, as an operator without an index does.
func (r *Reconciler) listAll(ctx context.Context) error {
	var errs []error
	if r.Settings.ListTasks {
		errs = append(errs, r.Server.List(ctx, &v1.TaskList{}))
	}
	if r.Settings.ListConfigMaps {
		errs = append(errs, r.Server.List(ctx, &corev1.ConfigMapList{}))
	}
	return errors.Join(errs...)
}

// leaveOrphan makes a ConfigMap for some Tasks that nothing owns.
func (r *Reconciler) leaveOrphan(ctx context.Context, task *v1.Task) error {
	if r.Settings.LeakOrphanEvery == 0 || task.Status.ObservedGeneration != 0 {
		return nil
	}
	r.mutex.Lock()
	r.tasks++
	due := r.tasks%r.Settings.LeakOrphanEvery == 0
	r.mutex.Unlock()
	if !due {
		return nil
	}
	orphan := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: task.Namespace, Name: "orphan-" + string(task.UID),
		Labels: map[string]string{"app.kubernetes.io/managed-by": "synthetic"},
	}}
	return client.IgnoreAlreadyExists(r.Client.Create(ctx, orphan))
}
