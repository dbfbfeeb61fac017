// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

const (
	nameLabel      = "app.kubernetes.io/name"
	instanceLabel  = "app.kubernetes.io/instance"
	managedByLabel = "app.kubernetes.io/managed-by"
	uidLabel       = "webapp.tutorial.kubebuilder.io/guestbook-uid"

	// ManagedBy is the value of managedByLabel on everything that this operator makes.
	ManagedBy = "guestbook-operator"

	webContainer = "web"
	httpPort     = "http"
	pageVolume   = "page"
	pageKey      = "message"
	guestbookKey = "guestbook"
)

// The fill functions below write what this operator wants into an object, be it blank or read from
// the API server, and leave alone what others or the API server's defaulting have put there. So
// "nothing to do" is the same as "filling changed nothing".

// fillLabels writes the labels that each object carries.
func fillLabels(object client.Object, guestbook *webappv1.Guestbook) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	for key, value := range selectorLabels(guestbook) {
		labels[key] = value
	}
	labels[managedByLabel] = ManagedBy
	labels[uidLabel] = string(guestbook.UID)
	object.SetLabels(labels)
}

func selectorLabels(guestbook *webappv1.Guestbook) map[string]string {
	return map[string]string{nameLabel: "guestbook", instanceLabel: stem(guestbook.Name)}
}

func fillPage(page *corev1.ConfigMap, guestbook *webappv1.Guestbook) {
	page.Data = map[string]string{pageKey: guestbook.Spec.Message}
	page.BinaryData = nil
}

func fillService(service *corev1.Service, guestbook *webappv1.Guestbook) {
	service.Spec.Type = corev1.ServiceTypeClusterIP
	service.Spec.Selector = selectorLabels(guestbook)
	service.Spec.Ports = []corev1.ServicePort{{
		Name:       httpPort,
		Protocol:   corev1.ProtocolTCP,
		Port:       guestbook.Spec.Port,
		TargetPort: intstr.FromString(httpPort),
	}}
}

// fillDirectoryEntry writes the entry under which a guestbook can be found. It stands for what an
// operator makes outside the cluster: it has no owner reference, so only the finalizer removes it.
func fillDirectoryEntry(entry *corev1.ConfigMap, guestbook *webappv1.Guestbook) {
	entry.Data = map[string]string{
		guestbookKey: guestbook.Name,
		"address": fmt.Sprintf("%s.%s.svc:%s", webName(guestbook), guestbook.Namespace,
			strconv.Itoa(int(guestbook.Spec.Port))),
	}
	entry.BinaryData = nil
}

func fillDeployment(deployment *appsv1.Deployment, guestbook *webappv1.Guestbook) {
	labels := selectorLabels(guestbook)
	spec := &deployment.Spec
	spec.Replicas = ptr.To(guestbook.Spec.Size)
	if spec.Selector == nil { // It is immutable.
		spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	}
	if spec.Template.Labels == nil {
		spec.Template.Labels = map[string]string{}
	}
	for key, value := range labels {
		spec.Template.Labels[key] = value
	}
	fillPod(&spec.Template.Spec, guestbook)
}

func fillPod(pod *corev1.PodSpec, guestbook *webappv1.Guestbook) {
	pod.AutomountServiceAccountToken = ptr.To(false)
	pod.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](65532),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	volume := named(&pod.Volumes, func(v corev1.Volume) bool { return v.Name == pageVolume })
	*volume = corev1.Volume{Name: pageVolume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: pageName(guestbook)},
			DefaultMode:          ptr.To[int32](0o444),
		},
	}}
	fillContainer(
		named(&pod.Containers, func(c corev1.Container) bool { return c.Name == webContainer }),
		guestbook,
	)
}

func fillContainer(container *corev1.Container, guestbook *webappv1.Guestbook) {
	container.Name = webContainer
	container.Image = guestbook.Spec.Image
	container.ImagePullPolicy = corev1.PullIfNotPresent
	container.Ports = []corev1.ContainerPort{{
		Name: httpPort, ContainerPort: guestbook.Spec.Port, Protocol: corev1.ProtocolTCP,
	}}
	mount := named(&container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == pageVolume })
	mount.Name, mount.MountPath, mount.ReadOnly = pageVolume, "/page", true
	container.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("1m"),
			corev1.ResourceMemory: resource.MustParse("8Mi"),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("100m"),
			corev1.ResourceMemory: resource.MustParse("32Mi"),
		},
	}
	container.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// named finds the item of a list that is meant, or appends a blank one.
func named[T any](list *[]T, meant func(T) bool) *T {
	for i := range *list {
		if meant((*list)[i]) {
			return &(*list)[i]
		}
	}
	*list = append(*list, *new(T))
	return &(*list)[len(*list)-1]
}
