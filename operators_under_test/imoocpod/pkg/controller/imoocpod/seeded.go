// SPDX-License-Identifier: Apache-2.0

package imoocpod

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"operator-harness.example/imoocpod/pkg/apis/k8s/v1alpha1"
	"operator-harness.example/imoocpod/pkg/defects"
)

// processAnnotation tells which process has made a pod; only a faulty twin writes it.
const processAnnotation = "k8s.imooc.com/made-by-process"

// seeded is what the defects need.
type seeded struct {
	process string
	exit    func(int)
}

// The functions below do nothing in the healthy operator.

// dieIfSeeded ends the process.
func (r *ReconcileImoocPod) dieIfSeeded(ctx context.Context) {
	if r.defect == defects.DiesAfterDelete {
		logf.FromContext(ctx).Info("An ImoocPod is gone, and so am I (seeded defect)")
		r.seeded.exit(1)
	}
}

// mark writes into a new pod which process has made it.
func (r *ReconcileImoocPod) mark(pod *corev1.Pod) {
	if r.defect == defects.ReplacesPodsAtRestart {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, processAnnotation, r.seeded.process)
	}
}

// isExpired says whether another process has made a pod.
func (r *ReconcileImoocPod) isExpired(pod *corev1.Pod) bool {
	return r.defect == defects.ReplacesPodsAtRestart && pod.Annotations[processAnnotation] != r.seeded.process
}

// altered makes a status wrong.
func (r *ReconcileImoocPod) altered(owner *v1alpha1.ImoocPod, status v1alpha1.ImoocPodStatus) v1alpha1.ImoocPodStatus {
	switch old := owner.Status.PodNames; r.defect {
	case defects.KeepsNamesOfDeletedPods:
		status.PodNames = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old), status.PodNames...))))
	case defects.ShufflesNames:
		if len(old) == len(status.PodNames) && len(old) > 1 {
			status.PodNames = append(slices.Clone(old[1:]), old[0])
		}
	}
	return status
}

// again is when to look again.
func (r *ReconcileImoocPod) again() reconcile.Result {
	if r.defect == defects.ShufflesNames {
		return reconcile.Result{RequeueAfter: time.Second}
	}
	return reconcile.Result{}
}
