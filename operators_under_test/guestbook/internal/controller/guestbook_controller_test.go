// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	webappv1 "operator-harness.example/guestbook/api/v1"
	"operator-harness.example/guestbook/internal/defects"
)

// bench is a reconciler on a fake API server that notes each write.
type bench struct {
	*testing.T
	*GuestbookReconciler
	writes []string
	// failStatus, if set, is asked before each write to a status.
	failStatus func() error
}

const namespace = "visitors"

func newBench(t *testing.T, defect defects.Name, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, webappv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t}
	note := func(verb string, object client.Object) { b.writes = append(b.writes, verb+" "+object.GetName()) }
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&webappv1.Guestbook{}, &appsv1.Deployment{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				note("create", o)
				o.SetGeneration(1)
				return c.Create(ctx, o, opts...)
			},
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				note("update", o)
				return c.Update(ctx, o, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				note("patch", o)
				return c.Patch(ctx, o, p, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				note("delete", o)
				return c.Delete(ctx, o, opts...)
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				note("update "+sub+" of", o)
				if b.failStatus != nil {
					if err := b.failStatus(); err != nil {
						return err
					}
				}
				return c.SubResource(sub).Update(ctx, o, opts...)
			},
		}).Build()
	b.GuestbookReconciler = &GuestbookReconciler{
		Client: c, APIReader: c, Scheme: scheme, Recorder: events.NewFakeRecorder(100), Defect: defect,
	}
	return b
}

func sample() *webappv1.Guestbook {
	return &webappv1.Guestbook{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "the-uid", Generation: 1},
		Spec:       webappv1.GuestbookSpec{Size: 1, Message: "Hello", Image: "example.com/web:v1", Port: 80},
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

// rollOut does what the Deployment controller does, and fills in what the API server defaults.
func (b *bench) rollOut() {
	b.Helper()
	deployment := &appsv1.Deployment{}
	b.read("sample-web", deployment)
	pod := &deployment.Spec.Template.Spec
	deployment.Spec.RevisionHistoryLimit = ptr.To[int32](10)
	deployment.Spec.Strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
	pod.RestartPolicy, pod.DNSPolicy, pod.SchedulerName = corev1.RestartPolicyAlways, corev1.DNSClusterFirst, "default-scheduler"
	pod.Containers[0].TerminationMessagePath = "/dev/termination-log"
	if err := b.Update(b.Context(), deployment); err != nil {
		b.Fatal(err)
	}
	size := *deployment.Spec.Replicas
	deployment.Status = appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: size, UpdatedReplicas: size,
		ReadyReplicas: size, AvailableReplicas: size,
	}
	if err := b.Status().Update(b.Context(), deployment); err != nil {
		b.Fatal(err)
	}
}

// change edits the spec as a user does.
func (b *bench) change(edit func(*webappv1.GuestbookSpec)) {
	b.Helper()
	guestbook := &webappv1.Guestbook{}
	b.read("sample", guestbook)
	edit(&guestbook.Spec)
	guestbook.Generation++
	if err := b.Update(b.Context(), guestbook); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) status() webappv1.GuestbookStatus {
	b.Helper()
	guestbook := &webappv1.Guestbook{}
	b.read("sample", guestbook)
	return guestbook.Status
}

func (b *bench) isReady() bool {
	b.Helper()
	return meta.IsStatusConditionTrue(b.status().Conditions, webappv1.ConditionReady)
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

func TestFinalizerComesFirst(t *testing.T) {
	writes := newBench(t, defects.None, sample()).step()
	want := []string{
		"patch sample", "create guestbook-directory-the-uid", "create sample-page",
		"create sample-web", "create sample-web", "update status of sample",
	}
	if !slices.Equal(writes, want) {
		t.Fatalf("got %q", writes)
	}
}

func TestReadyOnceTheDeploymentIs(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.step()
	if b.isReady() {
		t.Fatal("ready before its pods")
	}
	b.converge()
	if status := b.status(); !b.isReady() || status.ReadyReplicas != 1 || status.ObservedMessage != "Hello" {
		t.Fatalf("got %+v", status)
	}
}

func TestChangeIsFollowed(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	b.change(func(spec *webappv1.GuestbookSpec) { spec.Size, spec.Message = 2, "Changed" })
	b.step()
	if b.isReady() {
		t.Fatal("ready though one pod is missing")
	}
	b.converge()
	status := b.status()
	if !b.isReady() || status.ObservedGeneration != 2 || status.ReadyReplicas != 2 || status.ObservedMessage != "Changed" {
		t.Fatalf("got %+v", status)
	}
}

func TestDriftIsRepairedAndForeignFieldsAreKept(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	deployment := &appsv1.Deployment{}
	b.read("sample-web", deployment)
	deployment.OwnerReferences = nil
	deployment.Labels["foreign"] = "kept"
	deployment.Spec.Template.Spec.Containers[0].Image = "example.com/other:v1"
	deployment.Spec.Template.Spec.Containers = slices.Insert(deployment.Spec.Template.Spec.Containers, 0,
		corev1.Container{Name: "injected", Image: "example.com/sidecar:v1"})
	if err := b.Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); !slices.Equal(writes, []string{"update sample-web"}) {
		t.Fatalf("got %q", writes)
	}
	b.read("sample-web", deployment)
	containers := deployment.Spec.Template.Spec.Containers
	if len(containers) != 2 || containers[0].Name != "injected" || containers[1].Image != "example.com/web:v1" ||
		deployment.Labels["foreign"] != "kept" || metav1.GetControllerOf(deployment) == nil {
		t.Fatalf("got %+v", deployment)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestForeignObjectIsNotSeized(t *testing.T) {
	foreign := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample-page"}, Data: map[string]string{"a": "b"},
	}
	b := newBench(t, defects.None, sample(), foreign)
	b.step()
	b.read("sample-page", foreign)
	ready := meta.FindStatusCondition(b.status().Conditions, webappv1.ConditionReady)
	if foreign.Data["a"] != "b" || ready == nil || ready.Reason != reasonNameConflict ||
		!strings.Contains(ready.Message, "sample-page") {
		t.Fatalf("got %+v, %+v", foreign, ready)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestDeleteRemovesTheDirectoryEntryThenTheFinalizer(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	if err := b.Delete(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); !slices.Equal(writes, []string{"delete guestbook-directory-the-uid", "patch sample"}) {
		t.Fatalf("got %q", writes)
	}
	err := b.Get(t.Context(), client.ObjectKeyFromObject(sample()), &webappv1.Guestbook{})
	if !apierrors.IsNotFound(err) {
		t.Fatalf("got %v", err)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestEntryLeadsToItsGuestbookUnlessThatIsBeingDeleted(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	entry := &corev1.ConfigMap{}
	b.read("guestbook-directory-the-uid", entry)
	if got := b.guestbookOfEntry(t.Context(), entry); len(got) != 1 || got[0].Name != "sample" {
		t.Fatalf("got %v", got)
	}
	if err := b.Delete(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if got := b.guestbookOfEntry(t.Context(), entry); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
}

func TestStatusSurvivesAConflict(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.step()
	b.rollOut()
	conflicts := 2
	b.failStatus = func() error {
		if conflicts == 0 {
			return nil
		}
		conflicts--
		return apierrors.NewConflict(webappv1.GroupVersion.WithResource("guestbooks").GroupResource(), "sample", nil)
	}
	b.step()
	if !b.isReady() {
		t.Fatalf("got %+v", b.status())
	}
}

func TestDefects(t *testing.T) {
	t.Run("never ready", func(t *testing.T) {
		b := newBench(t, defects.NeverReady, sample())
		b.converge()
		if b.isReady() || b.status().ObservedGeneration != 1 {
			t.Fatalf("got %+v", b.status())
		}
	})
	t.Run("leaves an orphan", func(t *testing.T) {
		b := newBench(t, defects.LeavesAnOrphan, sample())
		b.converge()
		if err := b.Delete(t.Context(), sample()); err != nil {
			t.Fatal(err)
		}
		b.step()
		b.read("guestbook-directory-the-uid", &corev1.ConfigMap{})
	})
	t.Run("loses a status update", func(t *testing.T) {
		b := newBench(t, defects.LosesAStatusUpdate, sample())
		b.converge()
		b.change(func(spec *webappv1.GuestbookSpec) { spec.Message = "Changed" })
		b.step()
		page := &corev1.ConfigMap{}
		b.read("sample-page", page)
		if b.status().ObservedGeneration != 1 || page.Data[pageKey] != "Changed" {
			t.Fatalf("got %+v, %+v", b.status(), page)
		}
	})
	t.Run("leaks memory", func(t *testing.T) {
		b := newBench(t, defects.LeaksMemory, sample())
		b.converge()
		if err := b.Delete(t.Context(), sample()); err != nil {
			t.Fatal(err)
		}
		b.step()
		if len(b.gone.kept) != 1 {
			t.Fatalf("%d are kept", len(b.gone.kept))
		}
	})
	t.Run("hot loop", func(t *testing.T) {
		b := newBench(t, defects.HotLoop, sample())
		b.step()
		b.rollOut()
		result, err := b.reconcile(t.Context(), func() *webappv1.Guestbook {
			guestbook := &webappv1.Guestbook{}
			b.read("sample", guestbook)
			return guestbook
		}())
		if err != nil || result.RequeueAfter == 0 || !b.isReady() {
			t.Fatalf("got %+v, %v", result, err)
		}
	})
}
