// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	kappsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	appsv1 "operator-harness.example/application/api/v1"
)

const (
	reasonAllReplicasReady = "AllReplicasReady"
	reasonRollingOut       = "RollingOut"
	reasonRolloutStuck     = "RolloutStuck"
	reasonNameConflict     = "NameConflict"
	reasonChildRejected    = "ChildRejected"
)

// children are the objects that an Application's status mirrors.
type children struct {
	deployment *kappsv1.Deployment
	service    *corev1.Service
	ingress    *networkingv1.Ingress // nil if none is wanted
}

// verdict is what a look at the children says.
type verdict struct {
	ready, progressing bool
	reason, message    string
}

// judge says whether a Deployment has come to where its Application wants it. The Deployment must
// already hold what the Application's current generation wants.
func judge(deployment *kappsv1.Deployment, size int32) verdict {
	status := deployment.Status
	current := status.ObservedGeneration >= deployment.Generation && deployment.Generation > 0
	switch {
	case !deployment.DeletionTimestamp.IsZero():
		return verdict{progressing: true, reason: reasonRollingOut, message: "waiting until the Deployment is made anew"}
	case current && status.UpdatedReplicas == size && status.Replicas == size && status.AvailableReplicas == size:
		return verdict{
			ready: true, reason: reasonAllReplicasReady,
			message: fmt.Sprintf("all replicas (%d) are available", size),
		}
	case current && (has(status, kappsv1.DeploymentReplicaFailure, corev1.ConditionTrue) ||
		has(status, kappsv1.DeploymentProgressing, corev1.ConditionFalse)):
		return verdict{
			reason: reasonRolloutStuck, message: "the Deployment doesn't get its pods; its own conditions say why",
		}
	}
	return verdict{
		progressing: true, reason: reasonRollingOut,
		message: fmt.Sprintf("waiting until all replicas (%d) are updated and available", size),
	}
}

func has(
	status kappsv1.DeploymentStatus, kind kappsv1.DeploymentConditionType, value corev1.ConditionStatus,
) bool {
	for _, condition := range status.Conditions {
		if condition.Type == kind {
			return condition.Status == value
		}
	}
	return false
}

// describe is the status that follows from a verdict and, where they could be kept, the children.
func describe(application *appsv1.Application, seen *children, found verdict) appsv1.ApplicationStatus {
	next := *application.Status.DeepCopy()
	next.ObservedGeneration = application.Generation
	next.Selector = labels.SelectorFromSet(selectorLabels(application)).String()
	if seen != nil {
		next.Replicas = seen.deployment.Status.Replicas
		next.UpdatedReplicas = seen.deployment.Status.UpdatedReplicas
		next.ReadyReplicas = seen.deployment.Status.ReadyReplicas
		next.ClusterIP = seen.service.Spec.ClusterIP
		next.Addresses = addresses(seen.ingress)
		next.URL = address(application)
	}
	setCondition(&next, application, appsv1.ConditionReady, found.ready, found)
	setCondition(&next, application, appsv1.ConditionProgressing, found.progressing, found)
	return next
}

// address is the URL of an application: that of its Ingress, or else that of its Service.
func address(application *appsv1.Application) string {
	if ingress := application.Spec.Ingress; ingress != nil {
		scheme := "http"
		if ingress.TLSSecretName != "" {
			scheme = "https"
		}
		return scheme + "://" + ingress.Host + path(application)
	}
	return fmt.Sprintf("http://%s.%s.svc:%d/", childName(application), application.Namespace, servicePort(application))
}

// addresses are where an Ingress is served, as its controller says.
func addresses(ingress *networkingv1.Ingress) []string {
	if ingress == nil {
		return nil
	}
	var found []string
	for _, point := range ingress.Status.LoadBalancer.Ingress {
		switch {
		case point.Hostname != "":
			found = append(found, point.Hostname)
		case point.IP != "":
			found = append(found, point.IP)
		}
	}
	return found
}

// setCondition moves lastTransitionTime only when the condition's status flips.
func setCondition(
	status *appsv1.ApplicationStatus, application *appsv1.Application, kind string, value bool, found verdict,
) {
	conditionStatus := metav1.ConditionFalse
	if value {
		conditionStatus = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type:               kind,
		Status:             conditionStatus,
		ObservedGeneration: application.Generation,
		Reason:             found.reason,
		Message:            found.message,
	})
}
