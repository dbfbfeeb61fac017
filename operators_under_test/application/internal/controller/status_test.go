// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"testing"
	"time"

	kappsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appsv1 "operator-harness.example/application/api/v1"
)

func TestJudge(t *testing.T) {
	status := func(generation int64, all, updated, available int32) kappsv1.DeploymentStatus {
		return kappsv1.DeploymentStatus{
			ObservedGeneration: generation, Replicas: all, UpdatedReplicas: updated, AvailableReplicas: available,
		}
	}
	failing := status(2, 0, 0, 0)
	failing.Conditions = []kappsv1.DeploymentCondition{
		{Type: kappsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue},
	}
	late := status(2, 1, 1, 0)
	late.Conditions = []kappsv1.DeploymentCondition{
		{Type: kappsv1.DeploymentProgressing, Status: corev1.ConditionFalse},
	}
	for name, test := range map[string]struct {
		status kappsv1.DeploymentStatus
		reason string
	}{
		"nothing seen yet":      {status(0, 0, 0, 0), reasonRollingOut},
		"older generation":      {status(1, 2, 2, 2), reasonRollingOut},
		"complete":              {status(2, 2, 2, 2), reasonAllReplicasReady},
		"an old pod still runs": {status(2, 3, 2, 2), reasonRollingOut},
		"not yet available":     {status(2, 2, 2, 1), reasonRollingOut},
		"too many":              {status(2, 3, 3, 3), reasonRollingOut},
		"pods are rejected":     {failing, reasonRolloutStuck},
		"deadline exceeded":     {late, reasonRolloutStuck},
	} {
		t.Run(name, func(t *testing.T) {
			deployment := &kappsv1.Deployment{Status: test.status}
			deployment.Generation = 2
			found := judge(deployment, 2)
			if found.reason != test.reason || found.ready != (test.reason == reasonAllReplicasReady) {
				t.Fatalf("got %+v", found)
			}
		})
	}
}

func TestADeletedDeploymentIsNotReady(t *testing.T) {
	now := metav1.Now()
	deployment := &kappsv1.Deployment{Status: kappsv1.DeploymentStatus{ObservedGeneration: 1}}
	deployment.Generation, deployment.DeletionTimestamp = 1, &now
	if found := judge(deployment, 0); found.ready || !found.progressing {
		t.Fatalf("got %+v", found)
	}
}

func TestURL(t *testing.T) {
	for want, ingress := range map[string]*appsv1.IngressSpec{
		"http://sample.visitors.svc:80/": nil,
		"http://shop.example.org/":       {Host: "shop.example.org"},
		"https://shop.example.org/buy":   {Host: "shop.example.org", Path: "/buy", TLSSecretName: "cert"},
	} {
		application := sample()
		application.Spec.Ingress = ingress
		if got := address(application); got != want {
			t.Errorf("got %q, not %q", got, want)
		}
	}
}

func TestAddressesAreThoseOfTheIngress(t *testing.T) {
	ingress := &networkingv1.Ingress{}
	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{
		{IP: "192.0.2.1"}, {Hostname: "lb.example.org", IP: "192.0.2.2"}, {},
	}
	if got := addresses(ingress); !slices.Equal(got, []string{"192.0.2.1", "lb.example.org"}) {
		t.Errorf("got %q", got)
	}
	if got := addresses(nil); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestTransitionTimeMovesOnlyOnFlips(t *testing.T) {
	application := sample()
	application.Generation = 2
	long := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	application.Status.Conditions = []metav1.Condition{
		{Type: appsv1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Old", LastTransitionTime: long},
		{Type: appsv1.ConditionProgressing, Status: metav1.ConditionTrue, Reason: "Old", LastTransitionTime: long},
	}
	found := verdict{ready: true, reason: reasonAllReplicasReady}
	application.Status = describe(application, nil, found)
	ready := meta.FindStatusCondition(application.Status.Conditions, appsv1.ConditionReady)
	progressing := meta.FindStatusCondition(application.Status.Conditions, appsv1.ConditionProgressing)
	if !ready.LastTransitionTime.Equal(&long) || ready.ObservedGeneration != 2 {
		t.Errorf("ready: %+v", ready)
	}
	if progressing.LastTransitionTime.Equal(&long) {
		t.Errorf("progressing: %+v", progressing)
	}
	if again := describe(application, nil, found); !equality.Semantic.DeepEqual(application.Status, again) {
		t.Errorf("%+v became %+v", application.Status, again)
	}
}
