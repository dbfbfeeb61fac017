// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

// Reasons of the conditions.
const (
	reasonAllReplicasReady = "AllReplicasReady"
	reasonRollingOut       = "RollingOut"
	reasonRolloutStuck     = "RolloutStuck"
	reasonNameConflict     = "NameConflict"
	reasonChildRejected    = "ChildRejected"
)

// verdict is what a look at the children says.
type verdict struct {
	ready, progressing bool
	reason, message    string
}

// judge says whether a Deployment has come to where its Guestbook wants it. The Deployment must
// already hold what the Guestbook's current generation wants.
func judge(deployment *appsv1.Deployment, size int32) verdict {
	status := deployment.Status
	if status.ObservedGeneration >= deployment.Generation && deployment.Generation > 0 {
		if status.UpdatedReplicas == size && status.Replicas == size && status.AvailableReplicas == size {
			return verdict{
				ready: true, reason: reasonAllReplicasReady,
				message: fmt.Sprintf("all replicas (%d) are available", size),
			}
		}
		if hasDeploymentCondition(status, appsv1.DeploymentReplicaFailure, corev1.ConditionTrue) ||
			hasDeploymentCondition(status, appsv1.DeploymentProgressing, corev1.ConditionFalse) {
			return verdict{
				reason: reasonRolloutStuck, message: "the Deployment doesn't get its pods; its own conditions say why",
			}
		}
	}
	return verdict{
		progressing: true, reason: reasonRollingOut,
		message: fmt.Sprintf("waiting until all replicas (%d) are updated and available", size),
	}
}

func hasDeploymentCondition(
	status appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType, value corev1.ConditionStatus,
) bool {
	for _, condition := range status.Conditions {
		if condition.Type == kind {
			return condition.Status == value
		}
	}
	return false
}

// describe is the status that follows from a verdict and, where they could be kept, the children.
func describe(
	old webappv1.GuestbookStatus, guestbook *webappv1.Guestbook, seen *children, found verdict,
) webappv1.GuestbookStatus {
	next := *old.DeepCopy()
	next.ObservedGeneration = guestbook.Generation
	next.Selector = labels.SelectorFromSet(selectorLabels(guestbook)).String()
	if seen != nil {
		next.Replicas = seen.deployment.Status.Replicas
		next.ReadyReplicas = seen.deployment.Status.ReadyReplicas
		next.ObservedMessage = seen.page.Data[pageKey]
	}
	setCondition(&next, guestbook, webappv1.ConditionReady, found.ready, found)
	setCondition(&next, guestbook, webappv1.ConditionProgressing, found.progressing, found)
	return next
}

// setCondition moves lastTransitionTime only when the condition's status flips.
func setCondition(
	status *webappv1.GuestbookStatus, guestbook *webappv1.Guestbook, kind string, value bool, found verdict,
) {
	conditionStatus := metav1.ConditionFalse
	if value {
		conditionStatus = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type:               kind,
		Status:             conditionStatus,
		ObservedGeneration: guestbook.Generation,
		Reason:             found.reason,
		Message:            found.message,
	})
}
