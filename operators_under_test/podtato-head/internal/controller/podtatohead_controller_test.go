// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
	"operator-harness.example/podtato-head/internal/defects"
)

const namespace = "field"

// bench is a reconciler on a fake API server that notes each write.
type bench struct {
	*testing.T
	*PodtatoHeadReconciler
	clock  *clocktesting.FakePassiveClock
	writes []string
}

func newBench(t *testing.T, defect defects.Name, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, podtatov1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	note := func(verb string, object client.Object) { b.writes = append(b.writes, verb+" "+object.GetName()) }
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&podtatov1.PodtatoHead{}, &appsv1.Deployment{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				note("create", o)
				o.SetGeneration(1)
				return c.Create(ctx, o, opts...)
			},
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				note("update", o)
				if _, ok := o.(*appsv1.Deployment); ok { // As the API server does when a spec changes.
					o.SetGeneration(o.GetGeneration() + 1)
				}
				return c.Update(ctx, o, opts...)
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				note("update "+sub+" of", o)
				return c.SubResource(sub).Update(ctx, o, opts...)
			},
		}).Build()
	b.PodtatoHeadReconciler = &PodtatoHeadReconciler{
		Client: c, APIReader: c, Scheme: scheme, Recorder: events.NewFakeRecorder(100), Clock: b.clock,
		PartImage: "example.com/{part}:{version}", Started: b.clock.Now(), Defect: defect,
	}
	return b
}

func sample() *podtatov1.PodtatoHead {
	return &podtatov1.PodtatoHead{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "the-uid", Generation: 1},
		Spec: podtatov1.PodtatoHeadSpec{
			Version: "1.0.0", Replicas: 1,
			Rollback: podtatov1.RollbackSpec{Enabled: ptr.To(true), DeadlineSeconds: 60},
		},
	}
}

func (b *bench) read(name string, into client.Object) {
	b.Helper()
	if err := b.Get(b.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		b.Fatal(err)
	}
}

// step reconciles once and returns what was written.
func (b *bench) step() []string {
	b.Helper()
	b.writes = nil
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "sample"}}
	if _, err := b.Reconcile(b.Context(), request); err != nil {
		b.Fatal(err)
	}
	return b.writes
}

// rollOut does what the Deployment controller does, for all parts but these.
func (b *bench) rollOut(except ...string) {
	b.Helper()
	for _, part := range Parts {
		deployment := &appsv1.Deployment{}
		b.read("sample-"+part, deployment)
		size := *deployment.Spec.Replicas
		deployment.Status = appsv1.DeploymentStatus{
			ObservedGeneration: deployment.Generation, Replicas: size, UpdatedReplicas: size, AvailableReplicas: size,
		}
		if slices.Contains(except, part) {
			deployment.Status.UpdatedReplicas = 0
		}
		if err := b.Status().Update(b.Context(), deployment); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) upgrade(version string) {
	b.Helper()
	app := &podtatov1.PodtatoHead{}
	b.read("sample", app)
	app.Spec.Version = version
	app.Generation++
	if err := b.Update(b.Context(), app); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) status() podtatov1.PodtatoHeadStatus {
	b.Helper()
	app := &podtatov1.PodtatoHead{}
	b.read("sample", app)
	return app.Status
}

func (b *bench) isReady() bool {
	b.Helper()
	return meta.IsStatusConditionTrue(b.status().Conditions, podtatov1.ConditionReady)
}

func (b *bench) imageOf(part string) string {
	b.Helper()
	deployment := &appsv1.Deployment{}
	b.read("sample-"+part, deployment)
	return deployment.Spec.Template.Spec.Containers[0].Image
}

// converge reconciles until nothing is left to do.
func (b *bench) converge() {
	b.Helper()
	b.step()
	b.rollOut()
	b.step()
	if writes := b.step(); len(writes) > 0 {
		b.Fatalf("not at rest: %v", writes)
	}
}

func TestEachPartGetsADeploymentAndAService(t *testing.T) {
	b := newBench(t, defects.None, sample())
	writes := b.step()
	if len(writes) != 2*len(Parts)+1 || writes[len(writes)-1] != "update status of sample" {
		t.Fatalf("got %q", writes)
	}
	for _, part := range Parts {
		service, deployment := &corev1.Service{}, &appsv1.Deployment{}
		b.read("sample-"+part, service)
		b.read("sample-"+part, deployment)
		if metav1.GetControllerOf(service) == nil || metav1.GetControllerOf(deployment) == nil {
			t.Errorf("%s has no owner", part)
		}
		if got := b.imageOf(part); got != "example.com/"+part+":1.0.0" {
			t.Errorf("%s runs %s", part, got)
		}
	}
	env := (&appsv1.Deployment{})
	b.read("sample-entry", env)
	if got := env.Spec.Template.Spec.Containers[0].Env[2].Value; !strings.Contains(got, "hat=http://sample-hat:9000/") {
		t.Errorf("the entry is told %q", got)
	}
}

func TestReadyOnceAllPartsAre(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.step()
	b.rollOut("left-leg")
	b.step()
	if status := b.status(); b.isReady() || status.ReadyParts != 5 || status.Phase != podtatov1.PhaseDeploying {
		t.Fatalf("got %+v", status)
	}
	b.converge()
	if status := b.status(); !b.isReady() || status.ReadyParts != 6 || status.Phase != podtatov1.PhaseRunning {
		t.Fatalf("got %+v", status)
	}
}

func TestUpgradeReachesEachPart(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	b.upgrade("1.1.0")
	if writes := b.step(); len(writes) != len(Parts)+1 {
		t.Fatalf("got %q", writes)
	}
	for _, part := range Parts {
		if got := b.imageOf(part); got != "example.com/"+part+":1.1.0" {
			t.Errorf("%s runs %s", part, got)
		}
	}
}

func TestUpgradeThatHangsIsRolledBack(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	b.upgrade("1.1.0")
	b.step()
	b.rollOut("right-arm")
	b.step()
	b.clock.SetTime(b.clock.Now().Add(time.Minute))
	b.step() // Gives 1.1.0 up.
	b.converge()
	status := b.status()
	if status.Phase != podtatov1.PhaseRolledBack || status.Version != "1.0.0" || status.RejectedVersion != "1.1.0" ||
		status.History[0].Result != podtatov1.ResultRolledBack || b.isReady() {
		t.Fatalf("got %+v", status)
	}
	for _, part := range Parts {
		if got := b.imageOf(part); got != "example.com/"+part+":1.0.0" {
			t.Errorf("%s runs %s", part, got)
		}
	}
}

func TestDriftIsRepairedAndForeignFieldsAreKept(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	deployment := &appsv1.Deployment{}
	b.read("sample-hat", deployment)
	deployment.OwnerReferences = nil
	deployment.Labels["foreign"] = "kept"
	deployment.Spec.Template.Spec.DNSPolicy = corev1.DNSClusterFirst
	deployment.Spec.Template.Spec.Containers[0].Image = "example.com/other:1"
	deployment.Spec.Template.Spec.Containers[0].ReadinessProbe.FailureThreshold = 3
	if err := b.Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); !slices.Equal(writes, []string{"update sample-hat", "update status of sample"}) {
		t.Fatalf("got %q", writes)
	}
	b.read("sample-hat", deployment)
	if b.imageOf("hat") != "example.com/hat:1.0.0" || deployment.Labels["foreign"] != "kept" ||
		metav1.GetControllerOf(deployment) == nil ||
		deployment.Spec.Template.Spec.Containers[0].ReadinessProbe.FailureThreshold != 3 {
		t.Fatalf("got %+v", deployment)
	}
}

func TestForeignObjectIsNotSeized(t *testing.T) {
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample-hat"}}
	b := newBench(t, defects.None, sample(), foreign)
	b.step()
	b.read("sample-hat", foreign)
	ready := meta.FindStatusCondition(b.status().Conditions, podtatov1.ConditionReady)
	if len(foreign.OwnerReferences) > 0 || ready == nil || ready.Reason != "NameConflict" ||
		!strings.Contains(ready.Message, `Service "sample-hat"`) {
		t.Fatalf("got %+v, %+v", foreign, ready)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestDefects(t *testing.T) {
	t.Run("forgets an owner", func(t *testing.T) {
		b := newBench(t, defects.ForgetsAnOwner, sample())
		b.converge()
		service := &corev1.Service{}
		b.read("sample-hat", service)
		if metav1.GetControllerOf(service) != nil || !b.isReady() {
			t.Fatalf("got %+v", service)
		}
	})
	t.Run("restarts parts", func(t *testing.T) {
		b := newBench(t, defects.RestartsParts, sample())
		b.converge()
		b.Started = b.Started.Add(time.Second)
		if writes := b.step(); len(writes) < len(Parts) {
			t.Fatalf("got %q", writes)
		}
	})
	t.Run("keeps an old status", func(t *testing.T) {
		b := newBench(t, defects.KeepsAnOldStatus, sample())
		b.converge()
		b.upgrade("1.1.0")
		b.step()
		if b.status().ObservedGeneration != 1 || b.imageOf("hat") != "example.com/hat:1.1.0" {
			t.Fatalf("got %+v", b.status())
		}
	})
	t.Run("misses a part", func(t *testing.T) {
		b := newBench(t, defects.MissesAPart, sample())
		b.converge()
		if status := b.status(); b.isReady() || status.ObservedGeneration != 1 || status.ReadyParts != 5 {
			t.Fatalf("got %+v", status)
		}
	})
	t.Run("panics after deletion", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Fatal("no panic")
			}
		}()
		newBench(t, defects.PanicsAfterDeletion).step()
	})
}
