// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

func TestJudge(t *testing.T) {
	status := func(generation int64, all, updated, available int32) appsv1.DeploymentStatus {
		return appsv1.DeploymentStatus{
			ObservedGeneration: generation, Replicas: all, UpdatedReplicas: updated, AvailableReplicas: available,
		}
	}
	failing := status(2, 0, 0, 0)
	failing.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue},
	}
	late := status(2, 1, 1, 0)
	late.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse},
	}
	for name, test := range map[string]struct {
		status appsv1.DeploymentStatus
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
			deployment := &appsv1.Deployment{Status: test.status}
			deployment.Generation = 2
			found := judge(deployment, 2)
			if found.reason != test.reason || found.ready != (test.reason == reasonAllReplicasReady) {
				t.Fatalf("got %+v", found)
			}
		})
	}
}

func TestTransitionTimeMovesOnlyOnFlips(t *testing.T) {
	guestbook := &webappv1.Guestbook{}
	guestbook.Generation = 2
	long := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	old := webappv1.GuestbookStatus{Conditions: []metav1.Condition{
		{Type: webappv1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Old", LastTransitionTime: long},
		{Type: webappv1.ConditionProgressing, Status: metav1.ConditionTrue, Reason: "Old", LastTransitionTime: long},
	}}
	next := describe(old, guestbook, nil, verdict{ready: true, reason: reasonAllReplicasReady})
	ready := meta.FindStatusCondition(next.Conditions, webappv1.ConditionReady)
	progressing := meta.FindStatusCondition(next.Conditions, webappv1.ConditionProgressing)
	if !ready.LastTransitionTime.Equal(&long) || ready.ObservedGeneration != 2 {
		t.Errorf("ready: %+v", ready)
	}
	if progressing.LastTransitionTime.Equal(&long) {
		t.Errorf("progressing: %+v", progressing)
	}
	if again := describe(next, guestbook, nil, verdict{ready: true, reason: reasonAllReplicasReady}); !equality.Semantic.DeepEqual(next, again) {
		t.Errorf("%+v became %+v", next, again)
	}
}
