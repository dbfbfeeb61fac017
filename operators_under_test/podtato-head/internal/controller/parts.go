// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
)

// Entry is the part that people look at; it shows the others.
const Entry = "entry"

// Parts are the services of the app, in the order in which they are kept.
var Parts = []string{"hat", "left-arm", "left-leg", "right-arm", "right-leg", Entry}

const (
	nameLabel      = "app.kubernetes.io/name"
	instanceLabel  = "app.kubernetes.io/instance"
	componentLabel = "app.kubernetes.io/component"
	managedByLabel = "app.kubernetes.io/managed-by"

	// ManagedBy is the value of managedByLabel on everything that this operator makes.
	ManagedBy = "podtato-head-operator"

	startedAnnotation = "podtato.example.org/operator-started"

	container       = "part"
	portName        = "http"
	containerPort   = 9000
	maxUnavailable  = 0
	progressSeconds = 600
)

// The fill functions below write what this operator wants into an object, be it blank or read from
// the API server, and leave alone what others or the API server's defaulting have put there. So
// "nothing to do" is the same as "filling changed nothing".

func partName(app *podtatov1.PodtatoHead, part string) string { return app.Name + "-" + part }

// image is what a part runs: the pattern with {part} and {version} filled in.
func image(pattern, part, version string) string {
	return strings.NewReplacer("{part}", part, "{version}", version).Replace(pattern)
}

func selector(app *podtatov1.PodtatoHead, part string) map[string]string {
	return map[string]string{nameLabel: "podtato-head", instanceLabel: app.Name, componentLabel: part}
}

func fillLabels(object client.Object, app *podtatov1.PodtatoHead, part string) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	for key, value := range selector(app, part) {
		labels[key] = value
	}
	labels[managedByLabel] = ManagedBy
	object.SetLabels(labels)
}

func fillService(service *corev1.Service, app *podtatov1.PodtatoHead, part string) {
	fillLabels(service, app, part)
	service.Spec.Type = corev1.ServiceTypeClusterIP
	service.Spec.Selector = selector(app, part)
	service.Spec.Ports = []corev1.ServicePort{{
		Name: portName, Protocol: corev1.ProtocolTCP, Port: containerPort, TargetPort: intstr.FromString(portName),
	}}
}

func fillDeployment(deployment *appsv1.Deployment, app *podtatov1.PodtatoHead, part, version, pattern string) {
	fillLabels(deployment, app, part)
	labels := selector(app, part)
	spec := &deployment.Spec
	spec.Replicas = ptr.To(app.Spec.Replicas)
	spec.ProgressDeadlineSeconds = ptr.To[int32](progressSeconds)
	spec.Strategy = appsv1.DeploymentStrategy{
		Type: appsv1.RollingUpdateDeploymentStrategyType,
		// The pods of the old version stay until those of the new one are ready.
		RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxUnavailable: ptr.To(intstr.FromInt32(maxUnavailable)),
			MaxSurge:       ptr.To(intstr.FromInt32(1)),
		},
	}
	if spec.Selector == nil { // It is immutable.
		spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	}
	if spec.Template.Labels == nil {
		spec.Template.Labels = map[string]string{}
	}
	for key, value := range labels {
		spec.Template.Labels[key] = value
	}
	fillPod(&spec.Template.Spec, app, part, version, pattern)
}

func fillPod(pod *corev1.PodSpec, app *podtatov1.PodtatoHead, part, version, pattern string) {
	pod.AutomountServiceAccountToken = ptr.To(false)
	pod.EnableServiceLinks = ptr.To(false)
	pod.TerminationGracePeriodSeconds = ptr.To[int64](5)
	pod.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](65532),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	index := -1
	for i := range pod.Containers {
		if pod.Containers[i].Name == container {
			index = i
		}
	}
	if index < 0 {
		pod.Containers = append(pod.Containers, corev1.Container{Name: container})
		index = len(pod.Containers) - 1
	}
	fillContainer(&pod.Containers[index], app, part, version, pattern)
}

func fillContainer(c *corev1.Container, app *podtatov1.PodtatoHead, part, version, pattern string) {
	c.Image = image(pattern, part, version)
	c.ImagePullPolicy = corev1.PullIfNotPresent
	c.Ports = []corev1.ContainerPort{{Name: portName, ContainerPort: containerPort, Protocol: corev1.ProtocolTCP}}
	c.Env = []corev1.EnvVar{{Name: "PODTATO_PART", Value: part}, {Name: "PODTATO_VERSION", Value: version}}
	if part == Entry {
		c.Env = append(c.Env, corev1.EnvVar{Name: "PODTATO_PARTS", Value: addresses(app)})
	}
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = &corev1.Probe{}
	}
	c.ReadinessProbe.ProbeHandler = corev1.ProbeHandler{
		TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString(portName)},
	}
	c.ReadinessProbe.PeriodSeconds = 2
	c.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("1m"),
			corev1.ResourceMemory: resource.MustParse("8Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}
	c.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// addresses tells the entry where the other parts are.
func addresses(app *podtatov1.PodtatoHead) string {
	var found []string
	for _, part := range Parts {
		if part != Entry {
			found = append(found, part+"=http://"+partName(app, part)+":9000/")
		}
	}
	return strings.Join(found, ",")
}

// isReady says whether all replicas of a Deployment run its current template.
func isReady(deployment *appsv1.Deployment) bool {
	status := deployment.Status
	size := ptr.Deref(deployment.Spec.Replicas, 1)
	return deployment.Generation > 0 && status.ObservedGeneration >= deployment.Generation &&
		status.UpdatedReplicas == size && status.Replicas == size && status.AvailableReplicas == size
}
