// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	kappsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	appsv1 "operator-harness.example/application/api/v1"
	"operator-harness.example/application/internal/defects"
)

// bench is a reconciler on a fake API server that notes each write.
type bench struct {
	*testing.T
	*ApplicationReconciler
	writes []string
	// fail, if set, is asked before each write.
	fail func(write string) error
}

const namespace = "visitors"

func newBench(t *testing.T, defect defects.Name, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, appsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t}
	note := func(verb string, object client.Object) error {
		write := verb + " " + kindOf(object)
		b.writes = append(b.writes, write)
		if b.fail != nil {
			return b.fail(write)
		}
		return nil
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&appsv1.Application{}, &kappsv1.Deployment{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				if err := note("create", o); err != nil {
					return err
				}
				o.SetGeneration(1)
				o.SetUID(types.UID("uid of " + kindOf(o)))
				return c.Create(ctx, o, opts...)
			},
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				if err := note("update", o); err != nil {
					return err
				}
				return c.Update(ctx, o, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				if err := note("delete", o); err != nil {
					return err
				}
				return c.Delete(ctx, o, opts...)
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				if err := note("update "+sub+" of", o); err != nil {
					return err
				}
				return c.SubResource(sub).Update(ctx, o, opts...)
			},
		}).Build()
	b.ApplicationReconciler = &ApplicationReconciler{
		Client: c, Scheme: scheme, Recorder: events.NewFakeRecorder(100), Defect: defect, Started: time.Now(),
	}
	return b
}

func sample() *appsv1.Application {
	return &appsv1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "the-uid", Generation: 1},
		Spec: appsv1.ApplicationSpec{
			Image: "example.com/web:v1", Replicas: ptr.To[int32](1), Port: 8080,
			Env:     []appsv1.EnvVar{{Name: "GREETING", Value: "Hello"}},
			Service: appsv1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Port: 80},
			Ingress: &appsv1.IngressSpec{Host: "sample.example.org", Path: "/"},
		},
	}
}

func (b *bench) read(into client.Object) {
	b.Helper()
	if err := b.Get(b.Context(), client.ObjectKey{Namespace: namespace, Name: "sample"}, into); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) reconcileSample() (ctrl.Result, error) {
	b.writes = nil
	return b.Reconcile(b.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(sample())})
}

// step reconciles once and returns what was written.
func (b *bench) step() []string {
	b.Helper()
	if _, err := b.reconcileSample(); err != nil {
		b.Fatal(err)
	}
	return b.writes
}

// rollOut does what the Deployment controller does, and fills in what the API server defaults.
func (b *bench) rollOut() {
	b.Helper()
	deployment := &kappsv1.Deployment{}
	b.read(deployment)
	pod := &deployment.Spec.Template.Spec
	deployment.Spec.RevisionHistoryLimit = ptr.To[int32](10)
	deployment.Spec.Strategy.Type = kappsv1.RollingUpdateDeploymentStrategyType
	pod.RestartPolicy, pod.DNSPolicy = corev1.RestartPolicyAlways, corev1.DNSClusterFirst
	pod.Containers[0].TerminationMessagePath = "/dev/termination-log"
	if err := b.Update(b.Context(), deployment); err != nil {
		b.Fatal(err)
	}
	size := *deployment.Spec.Replicas
	deployment.Status = kappsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: size, UpdatedReplicas: size,
		ReadyReplicas: size, AvailableReplicas: size,
	}
	if err := b.Status().Update(b.Context(), deployment); err != nil {
		b.Fatal(err)
	}
}

// change edits the spec as a user does.
func (b *bench) change(edit func(*appsv1.ApplicationSpec)) {
	b.Helper()
	application := &appsv1.Application{}
	b.read(application)
	edit(&application.Spec)
	application.Generation++
	if err := b.Update(b.Context(), application); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) status() appsv1.ApplicationStatus {
	b.Helper()
	application := &appsv1.Application{}
	b.read(application)
	return application.Status
}

func (b *bench) ready() metav1.Condition {
	b.Helper()
	found := meta.FindStatusCondition(b.status().Conditions, appsv1.ConditionReady)
	if found == nil {
		b.Fatal("no condition Ready")
	}
	return *found
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

func TestThreeChildrenAreMadeAndOwned(t *testing.T) {
	b := newBench(t, defects.None, sample())
	want := []string{"create Service", "create Deployment", "create Ingress", "update status of Application"}
	if writes := b.step(); !slices.Equal(writes, want) {
		t.Fatalf("got %q", writes)
	}
	deployment, service, ingress := &kappsv1.Deployment{}, &corev1.Service{}, &networkingv1.Ingress{}
	for _, child := range []client.Object{deployment, service, ingress} {
		b.read(child)
		if !metav1.IsControlledBy(child, sample()) {
			t.Errorf("%s isn't owned", kindOf(child))
		}
	}
	env := deployment.Spec.Template.Spec.Containers[0].Env
	if len(env) != 2 || env[0].Value != "8080" || env[1].Value != "Hello" {
		t.Errorf("got %+v", env)
	}
	if ports := service.Spec.Ports; len(ports) != 1 || ports[0].Port != 80 || ports[0].TargetPort.StrVal != httpPort {
		t.Errorf("got %+v", ports)
	}
	if rules := ingress.Spec.Rules; rules[0].Host != "sample.example.org" || rules[0].HTTP.Paths[0].Backend.Service.Name != "sample" {
		t.Errorf("got %+v", rules)
	}
}

func TestReadyOnceTheDeploymentIs(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.step()
	if b.ready().Status == metav1.ConditionTrue {
		t.Fatal("ready before its pods")
	}
	b.converge()
	status := b.status()
	if b.ready().Status != metav1.ConditionTrue || status.ReadyReplicas != 1 || status.URL != "http://sample.example.org/" {
		t.Fatalf("got %+v", status)
	}
}

func TestChangeIsFollowed(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	b.change(func(spec *appsv1.ApplicationSpec) {
		spec.Replicas, spec.Ingress.Host = ptr.To[int32](2), "b.example.org"
	})
	b.step()
	if b.ready().Status == metav1.ConditionTrue {
		t.Fatal("ready though one pod is missing")
	}
	b.converge()
	status := b.status()
	if b.ready().ObservedGeneration != 2 || status.ObservedGeneration != 2 || status.ReadyReplicas != 2 ||
		status.URL != "http://b.example.org/" {
		t.Fatalf("got %+v", status)
	}
}

func TestAnIngressComesAndGoesWithTheSpec(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	b.change(func(spec *appsv1.ApplicationSpec) { spec.Ingress = nil })
	if writes := b.step(); !slices.Equal(writes, []string{"delete Ingress", "update status of Application"}) {
		t.Fatalf("got %q", writes)
	}
	if url := b.status().URL; url != "http://sample.visitors.svc:80/" {
		t.Fatalf("got %q", url)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestAForeignIngressStaysThoughNoneIsWanted(t *testing.T) {
	application := sample()
	application.Spec.Ingress = nil
	foreign := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "other"}}
	b := newBench(t, defects.None, application, foreign)
	b.converge()
	b.read(foreign)
}

func TestANodePortIsKept(t *testing.T) {
	application := sample()
	application.Spec.Service.Type = corev1.ServiceTypeNodePort
	b := newBench(t, defects.None, application)
	b.converge()
	service := &corev1.Service{}
	b.read(service)
	service.Spec.Ports[0].NodePort = 30123
	if err := b.Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
	b.change(func(spec *appsv1.ApplicationSpec) { spec.Service.Type = corev1.ServiceTypeClusterIP })
	b.step()
	b.read(service)
	if service.Spec.Ports[0].NodePort != 0 {
		t.Fatalf("got %+v", service.Spec)
	}
}

func TestDriftIsRepairedAndForeignFieldsAreKept(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.converge()
	deployment := &kappsv1.Deployment{}
	b.read(deployment)
	deployment.OwnerReferences = nil
	deployment.Labels["foreign"] = "kept"
	deployment.Spec.Template.Spec.Containers[0].Image = "example.com/other:v1"
	deployment.Spec.Template.Spec.Containers = slices.Insert(deployment.Spec.Template.Spec.Containers, 0,
		corev1.Container{Name: "injected", Image: "example.com/sidecar:v1"})
	if err := b.Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	if writes := b.step(); !slices.Equal(writes, []string{"update Deployment"}) {
		t.Fatalf("got %q", writes)
	}
	b.read(deployment)
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
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sample", UID: "other"}}
	b := newBench(t, defects.None, sample(), foreign)
	if writes := b.step(); !slices.Equal(writes, []string{"update status of Application"}) {
		t.Fatalf("got %q", writes)
	}
	if ready := b.ready(); ready.Reason != reasonNameConflict || !strings.Contains(ready.Message, `Service "sample"`) {
		t.Fatalf("got %+v", ready)
	}
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestARejectedChildIsExplainedAndTriedAgain(t *testing.T) {
	b := newBench(t, defects.None, sample())
	b.fail = func(write string) error {
		if write == "create Deployment" {
			return apierrors.NewForbidden(kappsv1.Resource("deployments"), "sample", nil)
		}
		return nil
	}
	if _, err := b.reconcileSample(); !apierrors.IsForbidden(err) {
		t.Fatalf("got %v", err)
	}
	if ready := b.ready(); ready.Reason != reasonChildRejected || b.status().ObservedGeneration != 1 {
		t.Fatalf("got %+v", ready)
	}
}

func TestAConflictIsNoErrorButLookedAtAgain(t *testing.T) {
	for _, cause := range []error{
		apierrors.NewConflict(kappsv1.Resource("deployments"), "sample", nil),
		apierrors.NewAlreadyExists(kappsv1.Resource("deployments"), "sample"),
	} {
		b := newBench(t, defects.None, sample())
		b.fail = func(string) error { return cause }
		if result, err := b.reconcileSample(); err != nil || result.RequeueAfter == 0 {
			t.Errorf("got %+v, %v", result, err)
		}
		b.fail = nil
		b.converge()
	}
}

func TestADeletedApplicationIsLeftToGarbageCollection(t *testing.T) {
	application := sample()
	application.Finalizers, application.DeletionTimestamp = []string{"foregroundDeletion"}, ptr.To(metav1.Now())
	b := newBench(t, defects.None, application)
	if writes := b.step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
	if writes := newBench(t, defects.None).step(); len(writes) > 0 {
		t.Fatalf("got %q", writes)
	}
}

func TestDefects(t *testing.T) {
	t.Run("leaves the ingress", func(t *testing.T) {
		b := newBench(t, defects.LeavesTheIngress, sample())
		b.converge()
		ingress := &networkingv1.Ingress{}
		b.read(ingress)
		if len(ingress.OwnerReferences) > 0 {
			t.Fatalf("got %+v", ingress)
		}
	})
	t.Run("rolls out at restart", func(t *testing.T) {
		b := newBench(t, defects.RollsOutAtRestart, sample())
		b.converge()
		b.Started = b.Started.Add(time.Minute)
		if writes := b.step(); !slices.Equal(writes, []string{"update Deployment"}) {
			t.Fatalf("got %q", writes)
		}
	})
	t.Run("panics after delete", func(t *testing.T) {
		b := newBench(t, defects.PanicsAfterDelete)
		defer func() {
			if recover() == nil {
				t.Fatal("no panic")
			}
		}()
		b.step()
	})
}
