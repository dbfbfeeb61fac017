// SPDX-License-Identifier: Apache-2.0

package imoocpod

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"operator-harness.example/imoocpod/pkg/apis"
	"operator-harness.example/imoocpod/pkg/apis/k8s/v1alpha1"
	"operator-harness.example/imoocpod/pkg/defects"
)

// bench is a reconciler on a fake API server that notes each write.
type bench struct {
	*testing.T
	*ReconcileImoocPod
	writes []string
	// failCreate, if set, is what the API server answers to a create.
	failCreate error
	died       bool
}

const namespace = "lesson"

func newBench(t *testing.T, defect defects.Name, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apis.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t}
	note := func(verb string, object client.Object) { b.writes = append(b.writes, verb+" "+object.GetName()) }
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.ImoocPod{}, &corev1.Pod{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				note("create", o)
				if b.failCreate != nil {
					return b.failCreate
				}
				o.SetUID(types.UID("uid of " + o.GetName()))
				return c.Create(ctx, o, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				note("delete", o)
				return c.Delete(ctx, o, opts...)
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				note("update "+sub+" of", o)
				return c.SubResource(sub).Update(ctx, o, opts...)
			},
		}).Build()
	b.ReconcileImoocPod = &ReconcileImoocPod{
		client: c, scheme: scheme, recorder: events.NewFakeRecorder(100), defect: defect,
		seeded: seeded{process: "first", exit: func(int) { b.died = true }},
	}
	return b
}

func sample(replicas int32) *v1alpha1.ImoocPod {
	return &v1alpha1.ImoocPod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "the-uid", Generation: 1},
		Spec:       v1alpha1.ImoocPodSpec{Replicas: replicas},
	}
}

func (b *bench) reconcileSample() (reconcile.Result, error) {
	b.writes = nil
	key := types.NamespacedName{Namespace: namespace, Name: "sample"}
	return b.Reconcile(b.Context(), reconcile.Request{NamespacedName: key})
}

// step reconciles once and returns what was written.
func (b *bench) step() []string {
	b.Helper()
	if _, err := b.reconcileSample(); err != nil {
		b.Fatal(err)
	}
	return b.writes
}

// converge reconciles until nothing is left to do.
func (b *bench) converge() {
	b.Helper()
	b.step()
	if writes := b.step(); len(writes) > 0 {
		b.Fatalf("not at rest: %v", writes)
	}
}

func (b *bench) read(name string, into client.Object) {
	b.Helper()
	if err := b.client.Get(b.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) status() v1alpha1.ImoocPodStatus {
	b.Helper()
	owner := &v1alpha1.ImoocPod{}
	b.read("sample", owner)
	return owner.Status
}

// scale edits the spec as a user does.
func (b *bench) scale(replicas int32) {
	b.Helper()
	owner := &v1alpha1.ImoocPod{}
	b.read("sample", owner)
	owner.Spec.Replicas = replicas
	if err := b.client.Update(b.Context(), owner); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) expectStatus(names ...string) {
	b.Helper()
	if status := b.status(); int(status.Replicas) != len(names) || !slices.Equal(status.PodNames, names) {
		b.Fatalf("got %+v, not %q", status, names)
	}
}

func TestPodsAreMadeOwnedAndNamedInTheStatus(t *testing.T) {
	b := newBench(t, defects.None, sample(2))
	want := []string{"create sample-pod-0", "create sample-pod-1", "update status of sample"}
	if writes := b.step(); !slices.Equal(writes, want) {
		t.Fatalf("got %q", writes)
	}
	pod := &corev1.Pod{}
	b.read("sample-pod-1", pod)
	if !metav1.IsControlledBy(pod, sample(2)) || pod.Spec.Containers[0].Image != Image {
		t.Fatalf("got %+v", pod)
	}
	b.expectStatus("sample-pod-0", "sample-pod-1")
	b.converge()
}

func TestScalingIsFollowed(t *testing.T) {
	b := newBench(t, defects.None, sample(3))
	b.converge()
	b.scale(1)
	b.converge()
	b.expectStatus("sample-pod-0")
	b.scale(2)
	b.converge()
	b.expectStatus("sample-pod-0", "sample-pod-1")
	b.scale(0)
	b.converge()
	b.expectStatus()
}

func TestALostPodIsReplaced(t *testing.T) {
	b := newBench(t, defects.None, sample(2))
	b.converge()
	pod := &corev1.Pod{}
	b.read("sample-pod-0", pod)
	if err := b.client.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); !slices.Equal(writes, []string{"create sample-pod-0"}) {
		t.Fatalf("got %q", writes)
	}
}

func TestAPodThatEndedIsReplaced(t *testing.T) {
	b := newBench(t, defects.None, sample(1))
	b.converge()
	pod := &corev1.Pod{}
	b.read("sample-pod-0", pod)
	pod.Status.Phase = corev1.PodFailed
	if err := b.client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	b.converge()
	b.expectStatus("sample-pod-1")
}

func TestAForeignPodIsNeitherCountedNorTouched(t *testing.T) {
	foreign := newPod(sample(1), 0)
	b := newBench(t, defects.None, sample(1), foreign)
	b.converge()
	b.expectStatus("sample-pod-1")
	b.scale(0)
	b.converge()
	b.read("sample-pod-0", foreign)
}

func TestACacheThatLagsIsNoError(t *testing.T) {
	b := newBench(t, defects.None, sample(1))
	b.failCreate = apierrors.NewAlreadyExists(corev1.Resource("pods"), "sample-pod-0")
	if result, err := b.reconcileSample(); err != nil || result.RequeueAfter != staleRetry {
		t.Fatalf("got %+v, %v", result, err)
	}
}

func TestADeletedImoocPodIsLeftToGarbageCollection(t *testing.T) {
	owner := sample(1)
	now := metav1.NewTime(time.Now())
	owner.Finalizers, owner.DeletionTimestamp = []string{"foregroundDeletion"}, &now
	for _, b := range []*bench{newBench(t, defects.None, owner), newBench(t, defects.None)} {
		if writes := b.step(); len(writes) > 0 || b.died {
			t.Fatalf("got %q", writes)
		}
	}
}

func TestDefects(t *testing.T) {
	t.Run("leaves its pods", func(t *testing.T) {
		b := newBench(t, defects.LeavesItsPods, sample(1))
		b.converge()
		pod := &corev1.Pod{}
		b.read("sample-pod-0", pod)
		if len(pod.OwnerReferences) > 0 {
			t.Fatalf("got %+v", pod)
		}
	})
	t.Run("replaces pods at restart", func(t *testing.T) {
		b := newBench(t, defects.ReplacesPodsAtRestart, sample(1))
		b.converge()
		b.seeded.process = "second"
		want := []string{"delete sample-pod-0", "create sample-pod-1", "update status of sample"}
		if writes := b.step(); !slices.Equal(writes, want) {
			t.Fatalf("got %q", writes)
		}
	})
	t.Run("keeps names of deleted pods", func(t *testing.T) {
		b := newBench(t, defects.KeepsNamesOfDeletedPods, sample(2))
		b.converge()
		b.scale(1)
		b.converge()
		if status := b.status(); status.Replicas != 1 || len(status.PodNames) != 2 {
			t.Fatalf("got %+v", status)
		}
	})
	t.Run("shuffles names", func(t *testing.T) {
		b := newBench(t, defects.ShufflesNames, sample(2))
		b.step()
		for range 2 {
			if writes := b.step(); !slices.Equal(writes, []string{"update status of sample"}) {
				t.Fatalf("got %q", writes)
			}
		}
		if result, _ := b.reconcileSample(); result.RequeueAfter != time.Second {
			t.Fatalf("got %+v", result)
		}
	})
	t.Run("dies after delete", func(t *testing.T) {
		b := newBench(t, defects.DiesAfterDelete)
		b.step()
		if !b.died {
			t.Fatal("still alive")
		}
	})
}
