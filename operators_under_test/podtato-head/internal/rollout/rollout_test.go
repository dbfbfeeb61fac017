// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
)

// bench is an app whose parts obey, or don't, on a clock of its own.
type bench struct {
	*testing.T
	app *podtatov1.PodtatoHead
	now time.Time
}

func newBench(t *testing.T, version string) *bench {
	app := &podtatov1.PodtatoHead{Spec: podtatov1.PodtatoHeadSpec{
		Version:  version,
		Rollback: podtatov1.RollbackSpec{Enabled: ptr.To(true), DeadlineSeconds: 60},
	}}
	app.Generation = 1
	return &bench{T: t, app: app, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// look lets the reconciler look once, with so many of two parts ready.
func (b *bench) look(ready int) time.Duration {
	b.Helper()
	parts := []podtatov1.PartStatus{{Name: "hat", Ready: ready > 0}, {Name: "entry", Ready: ready > 1}}
	next, wait := Next(b.app, parts, b.now)
	b.app.Status = next
	return wait
}

func (b *bench) upgrade(version string) {
	b.app.Spec.Version = version
	b.app.Generation++
}

func (b *bench) pass(seconds int) { b.now = b.now.Add(time.Duration(seconds) * time.Second) }

// is fails unless phase, version and the three conditions are as told.
func (b *bench) is(phase podtatov1.Phase, version string, ready, progressing, degraded bool) {
	b.Helper()
	status := b.app.Status
	found := fmt.Sprint(status.Phase, " ", status.Version)
	for _, kind := range []string{podtatov1.ConditionReady, podtatov1.ConditionProgressing, podtatov1.ConditionDegraded} {
		condition := meta.FindStatusCondition(status.Conditions, kind)
		if condition == nil || condition.ObservedGeneration != b.app.Generation {
			b.Fatalf("%s: %+v", kind, condition)
		}
		found += fmt.Sprint(" ", condition.Status == "True")
	}
	if want := fmt.Sprint(phase, " ", version, " ", ready, " ", progressing, " ", degraded); found != want {
		b.Fatalf("got %s, want %s", found, want)
	}
	if status.ObservedGeneration != b.app.Generation {
		b.Fatalf("observed %d of %d", status.ObservedGeneration, b.app.Generation)
	}
}

func (b *bench) history(want ...string) {
	b.Helper()
	var found []string
	for _, entry := range b.app.Status.History {
		found = append(found, entry.Version+" "+string(entry.Result))
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		b.Fatalf("got %q, want %q", found, want)
	}
}

func running(t *testing.T, version string) *bench {
	b := newBench(t, version)
	b.look(0)
	b.look(2)
	return b
}

func TestFirstDeploymentIsReadyOnceAllPartsAre(t *testing.T) {
	b := newBench(t, "1.0.0")
	if wait := b.look(0); wait != time.Minute {
		t.Fatalf("looks again after %s", wait)
	}
	b.is(podtatov1.PhaseDeploying, "1.0.0", false, true, false)
	b.pass(10)
	if wait := b.look(1); wait != 50*time.Second {
		t.Fatalf("looks again after %s", wait)
	}
	b.is(podtatov1.PhaseDeploying, "1.0.0", false, true, false)
	if wait := b.look(2); wait != 0 {
		t.Fatalf("looks again after %s", wait)
	}
	b.is(podtatov1.PhaseRunning, "1.0.0", true, false, false)
	b.history("1.0.0 Succeeded")
}

func TestAnAppAtRestKeepsItsStatus(t *testing.T) {
	b := running(t, "1.0.0")
	before := *b.app.Status.DeepCopy()
	b.pass(3600)
	b.look(2)
	if !equality.Semantic.DeepEqual(before, b.app.Status) {
		t.Fatalf("%+v became %+v", before, b.app.Status)
	}
}

func TestUpgradeInTime(t *testing.T) {
	b := running(t, "1.0.0")
	b.upgrade("1.1.0")
	b.look(0)
	b.is(podtatov1.PhaseUpgrading, "1.1.0", false, true, false)
	b.pass(59)
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.1.0", true, false, false)
	b.history("1.1.0 Succeeded", "1.0.0 Succeeded")
	if b.app.Status.LastGoodVersion != "1.1.0" {
		t.Fatalf("got %s", b.app.Status.LastGoodVersion)
	}
}

func TestUpgradeThatMissesItsDeadlineIsRolledBack(t *testing.T) {
	b := running(t, "1.0.0")
	b.upgrade("1.1.0")
	b.look(1)
	b.pass(60)
	if wait := b.look(1); wait <= 0 {
		t.Fatal("the roll-back isn't begun")
	}
	b.is(podtatov1.PhaseRollingBack, "1.0.0", false, true, true)
	if target := Target(b.app); target != "1.0.0" {
		t.Fatalf("parts are to run %s", target)
	}
	b.pass(5)
	b.look(2)
	b.is(podtatov1.PhaseRolledBack, "1.0.0", false, false, true)
	b.history("1.1.0 RolledBack", "1.0.0 Succeeded")
}

func TestRejectedVersionIsTriedAgainOnlyAfterAnother(t *testing.T) {
	b := running(t, "1.0.0")
	b.upgrade("1.1.0")
	b.look(1)
	b.pass(60)
	b.look(1)
	b.look(2)
	b.app.Spec.Replicas, b.app.Generation = 2, b.app.Generation+1
	b.look(2)
	b.is(podtatov1.PhaseRolledBack, "1.0.0", false, false, true)
	b.upgrade("1.0.0")
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.0.0", true, false, false)
	b.upgrade("1.1.0")
	b.look(0)
	b.is(podtatov1.PhaseUpgrading, "1.1.0", false, true, false)
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.1.0", true, false, false)
}

func TestAThirdVersionAfterARollback(t *testing.T) {
	b := running(t, "1.0.0")
	b.upgrade("1.1.0")
	b.look(1)
	b.pass(60)
	b.look(1)
	b.upgrade("1.2.0")
	b.look(1)
	b.is(podtatov1.PhaseUpgrading, "1.2.0", false, true, false)
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.2.0", true, false, false)
	b.history("1.2.0 Succeeded", "1.1.0 RolledBack", "1.0.0 Succeeded")
}

func TestWithoutRollbackAnUpgradeFailsAndMayStillComeUp(t *testing.T) {
	b := running(t, "1.0.0")
	b.app.Spec.Rollback.Enabled = ptr.To(false)
	b.upgrade("1.1.0")
	b.look(1)
	b.pass(60)
	for range 2 {
		if wait := b.look(1); wait != 0 {
			t.Fatalf("looks again after %s", wait)
		}
		b.is(podtatov1.PhaseFailed, "1.1.0", false, true, true)
		b.history("1.1.0 Failed", "1.0.0 Succeeded")
		b.pass(60)
	}
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.1.0", true, false, false)
}

func TestFirstDeploymentHasNothingToGoBackTo(t *testing.T) {
	b := newBench(t, "1.0.0")
	b.look(0)
	b.pass(60)
	b.look(0)
	b.is(podtatov1.PhaseFailed, "1.0.0", false, true, true)
	b.history("1.0.0 Failed")
}

func TestALostPodIsNoUpgrade(t *testing.T) {
	b := running(t, "1.0.0")
	if wait := b.look(1); wait != 0 {
		t.Fatalf("looks again after %s", wait)
	}
	b.is(podtatov1.PhaseRunning, "1.0.0", false, true, false)
	b.pass(3600)
	b.look(1)
	b.history("1.0.0 Succeeded")
	b.look(2)
	b.is(podtatov1.PhaseRunning, "1.0.0", true, false, false)
}

func TestHistoryIsBounded(t *testing.T) {
	b := running(t, "1.0.0")
	for i := range 15 {
		b.upgrade(fmt.Sprintf("1.%d.0", i+1))
		b.look(0)
		b.look(2)
	}
	if length := len(b.app.Status.History); length != maxHistory || b.app.Status.History[0].Version != "1.15.0" {
		t.Fatalf("got %d, %+v", length, b.app.Status.History[0])
	}
}
