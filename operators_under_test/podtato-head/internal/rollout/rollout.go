// SPDX-License-Identifier: Apache-2.0

// Package rollout decides which version the parts of an app run, and when one is given up. It reads
// the spec, the status and a clock, and touches nothing.
package rollout

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
)

// Reasons of conditions.
const (
	ReasonAllPartsReady    = "AllPartsReady"
	ReasonDeploying        = "Deploying"
	ReasonUpgrading        = "Upgrading"
	ReasonRollingBack      = "RollingBack"
	ReasonRolledBack       = "RolledBack"
	ReasonPartsNotReady    = "PartsNotReady"
	ReasonDeadlineExceeded = "DeadlineExceeded"
	ReasonNameConflict     = "NameConflict"
	ReasonPartRejected     = "PartRejected"
)

// maxHistory is how many ended rollouts a status keeps.
const maxHistory = 10

// Target is the version that the parts are to run: the spec's, unless that was rolled back.
func Target(app *podtatov1.PodtatoHead) string {
	status := &app.Status
	if status.RejectedVersion != "" && status.RejectedVersion == app.Spec.Version && status.LastGoodVersion != "" {
		return status.LastGoodVersion
	}
	return app.Spec.Version
}

// Next is the status that follows when the parts have been told to run Target(app).
//
// It also tells after which time it has to be asked again, 0 if only a change matters.
func Next(app *podtatov1.PodtatoHead, parts []podtatov1.PartStatus, now time.Time) (podtatov1.PodtatoHeadStatus, time.Duration) {
	next := *app.Status.DeepCopy()
	next.ObservedGeneration = app.Generation
	next.Parts = parts
	next.ReadyParts = countReady(parts)
	begin(&next, app, now)

	ready := len(parts) > 0 && int(next.ReadyParts) == len(parts)
	var wait time.Duration
	switch {
	case ready:
		succeed(&next, now)
	case next.RolloutStartedAt != nil:
		wait = next.RolloutStartedAt.Add(deadline(app)).Sub(now)
		if wait <= 0 {
			wait = giveUp(&next, app, now)
		}
	}
	describe(&next, app, ready)
	return next, max(wait, 0)
}

// begin notes the start of a rollout, if the parts have just been given another version.
func begin(next *podtatov1.PodtatoHeadStatus, app *podtatov1.PodtatoHead, now time.Time) {
	target := Target(app)
	if next.RejectedVersion != "" && next.RejectedVersion != app.Spec.Version {
		next.RejectedVersion = "" // The spec has moved on.
	}
	if next.Version != target {
		next.Version = target
		next.RolloutStartedAt = ptr.To(metav1.NewTime(now))
	}
}

func succeed(next *podtatov1.PodtatoHeadStatus, now time.Time) {
	if next.RolloutStartedAt == nil {
		return
	}
	next.RolloutStartedAt = nil
	if next.LastGoodVersion != next.Version {
		note(next, next.Version, podtatov1.ResultSucceeded, now)
	}
	next.LastGoodVersion = next.Version
}

// giveUp ends a rollout that has passed its deadline. Where there is a version to go back to, the
// next look begins that; else the parts are left as they are, and may still come up.
func giveUp(next *podtatov1.PodtatoHeadStatus, app *podtatov1.PodtatoHead, now time.Time) time.Duration {
	if ptr.Deref(app.Spec.Rollback.Enabled, true) && next.LastGoodVersion != "" && next.LastGoodVersion != next.Version {
		note(next, next.Version, podtatov1.ResultRolledBack, now)
		next.RejectedVersion = next.Version
		next.Version = next.LastGoodVersion
		next.RolloutStartedAt = ptr.To(metav1.NewTime(now))
		return time.Millisecond
	}
	if len(next.History) == 0 || next.History[0].Version != next.Version || next.History[0].Result != podtatov1.ResultFailed {
		note(next, next.Version, podtatov1.ResultFailed, now)
	}
	return 0
}

func note(next *podtatov1.PodtatoHeadStatus, version string, result podtatov1.Result, now time.Time) {
	entry := podtatov1.Rollout{Version: version, Result: result, FinishedAt: metav1.NewTime(now)}
	next.History = slices.Insert(next.History, 0, entry)
	if len(next.History) > maxHistory {
		next.History = next.History[:maxHistory]
	}
}

func deadline(app *podtatov1.PodtatoHead) time.Duration {
	return time.Duration(app.Spec.Rollback.DeadlineSeconds) * time.Second
}

func countReady(parts []podtatov1.PartStatus) int32 {
	var ready int32
	for _, part := range parts {
		if part.Ready {
			ready++
		}
	}
	return ready
}

// describe writes phase and conditions for people and programs.
func describe(next *podtatov1.PodtatoHeadStatus, app *podtatov1.PodtatoHead, ready bool) {
	failed := len(next.History) > 0 && next.History[0].Result == podtatov1.ResultFailed &&
		next.History[0].Version == next.Version && next.RolloutStartedAt != nil
	count := fmt.Sprintf("%d of %d parts run %s", next.ReadyParts, len(next.Parts), next.Version)
	switch {
	case ready && next.RejectedVersion == "":
		next.Phase = podtatov1.PhaseRunning
		set(next, app, state{ready: true, reason: ReasonAllPartsReady, message: count})
	case ready:
		next.Phase = podtatov1.PhaseRolledBack
		set(next, app, state{
			degraded: true, reason: ReasonRolledBack,
			message: fmt.Sprintf("%s didn't become ready in time; %s again", next.RejectedVersion, count),
		})
	case failed:
		next.Phase = podtatov1.PhaseFailed
		set(next, app, state{
			progressing: true, degraded: true, reason: ReasonDeadlineExceeded,
			message: count + " after the deadline, and there is no version to go back to",
		})
	case next.RejectedVersion != "":
		next.Phase = podtatov1.PhaseRollingBack
		set(next, app, state{
			progressing: true, degraded: true, reason: ReasonRollingBack,
			message: fmt.Sprintf("%s didn't become ready in time; %s", next.RejectedVersion, count),
		})
	case next.RolloutStartedAt == nil:
		next.Phase = podtatov1.PhaseRunning
		set(next, app, state{progressing: true, reason: ReasonPartsNotReady, message: count})
	case next.LastGoodVersion == "":
		next.Phase = podtatov1.PhaseDeploying
		set(next, app, state{progressing: true, reason: ReasonDeploying, message: count})
	default:
		next.Phase = podtatov1.PhaseUpgrading
		set(next, app, state{progressing: true, reason: ReasonUpgrading, message: count})
	}
}

// Blocked is the status when the parts couldn't even be told what to run.
func Blocked(app *podtatov1.PodtatoHead, reason, message string) podtatov1.PodtatoHeadStatus {
	next := *app.Status.DeepCopy()
	next.ObservedGeneration = app.Generation
	next.Phase = podtatov1.PhaseFailed
	set(&next, app, state{degraded: true, reason: reason, message: message})
	return next
}

type state struct {
	ready, progressing, degraded bool
	reason, message              string
}

// set moves lastTransitionTime only when a condition's status flips.
func set(next *podtatov1.PodtatoHeadStatus, app *podtatov1.PodtatoHead, s state) {
	for _, condition := range []struct {
		kind  string
		value bool
	}{
		{podtatov1.ConditionReady, s.ready},
		{podtatov1.ConditionProgressing, s.progressing},
		{podtatov1.ConditionDegraded, s.degraded},
	} {
		status := metav1.ConditionFalse
		if condition.value {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&next.Conditions, metav1.Condition{
			Type: condition.kind, Status: status, ObservedGeneration: app.Generation,
			Reason: s.reason, Message: s.message,
		})
	}
}
