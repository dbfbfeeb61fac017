// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strconv"

	kappsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1 "operator-harness.example/application/api/v1"
)

const (
	nameLabel      = "app.kubernetes.io/name"
	instanceLabel  = "app.kubernetes.io/instance"
	managedByLabel = "app.kubernetes.io/managed-by"
	uidLabel       = "apps.example.org/application-uid"

	// ManagedBy is the value of managedByLabel on everything that this operator makes.
	ManagedBy = "application-operator"

	containerName = "application"
	httpPort      = "http"
)

// The fill functions below write what this operator wants into an object, be it blank or read from
// the API server, and leave alone what others or the API server's defaulting have put there. So
// "nothing to do" is the same as "filling changed nothing".

// fillLabels writes the labels that each object carries.
func fillLabels(object client.Object, application *appsv1.Application) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	for key, value := range selectorLabels(application) {
		labels[key] = value
	}
	labels[managedByLabel] = ManagedBy
	labels[uidLabel] = string(application.UID)
	object.SetLabels(labels)
}

func selectorLabels(application *appsv1.Application) map[string]string {
	return map[string]string{nameLabel: "application", instanceLabel: childName(application)}
}

func fillDeployment(deployment *kappsv1.Deployment, application *appsv1.Application) {
	labels := selectorLabels(application)
	spec := &deployment.Spec
	spec.Replicas = ptr.To(replicas(application))
	if spec.Selector == nil { // It is immutable.
		spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	}
	if spec.Template.Labels == nil {
		spec.Template.Labels = map[string]string{}
	}
	for key, value := range labels {
		spec.Template.Labels[key] = value
	}
	pod := &spec.Template.Spec
	pod.AutomountServiceAccountToken = ptr.To(false)
	pod.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](65532),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	for i := range pod.Containers {
		if pod.Containers[i].Name == containerName {
			fillContainer(&pod.Containers[i], application)
			return
		}
	}
	pod.Containers = append(pod.Containers, corev1.Container{Name: containerName})
	fillContainer(&pod.Containers[len(pod.Containers)-1], application)
}

func fillContainer(container *corev1.Container, application *appsv1.Application) {
	container.Image = application.Spec.Image
	container.ImagePullPolicy = corev1.PullIfNotPresent
	container.Ports = []corev1.ContainerPort{{
		Name: httpPort, ContainerPort: application.Spec.Port, Protocol: corev1.ProtocolTCP,
	}}
	container.Env = []corev1.EnvVar{{
		Name: appsv1.PortVariable, Value: strconv.Itoa(int(application.Spec.Port)),
	}}
	for _, variable := range application.Spec.Env {
		if variable.Name != appsv1.PortVariable {
			container.Env = append(container.Env, corev1.EnvVar{Name: variable.Name, Value: variable.Value})
		}
	}
	container.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("1m"),
			corev1.ResourceMemory: resource.MustParse("8Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	container.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

func fillService(service *corev1.Service, application *appsv1.Application) {
	port := corev1.ServicePort{
		Name:       httpPort,
		Protocol:   corev1.ProtocolTCP,
		Port:       servicePort(application),
		TargetPort: intstr.FromString(httpPort),
	}
	service.Spec.Type = application.Spec.Service.Type
	if service.Spec.Type == "" {
		service.Spec.Type = corev1.ServiceTypeClusterIP
	}
	if service.Spec.Type != corev1.ServiceTypeClusterIP && len(service.Spec.Ports) == 1 {
		port.NodePort = service.Spec.Ports[0].NodePort // The API server has chosen it.
	}
	service.Spec.Selector = selectorLabels(application)
	service.Spec.Ports = []corev1.ServicePort{port}
}

// fillIngress is called for an Application that wants an Ingress.
func fillIngress(ingress *networkingv1.Ingress, application *appsv1.Application) {
	wanted := application.Spec.Ingress
	if wanted.ClassName != nil { // Otherwise the cluster's default class is left as it is.
		ingress.Spec.IngressClassName = ptr.To(*wanted.ClassName)
	}
	ingress.Spec.TLS = nil
	if wanted.TLSSecretName != "" {
		ingress.Spec.TLS = []networkingv1.IngressTLS{{
			Hosts: []string{wanted.Host}, SecretName: wanted.TLSSecretName,
		}}
	}
	ingress.Spec.Rules = []networkingv1.IngressRule{{
		Host: wanted.Host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{
				Path:     path(application),
				PathType: ptr.To(networkingv1.PathTypePrefix),
				Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
					Name: childName(application),
					Port: networkingv1.ServiceBackendPort{Name: httpPort},
				}},
			}},
		}},
	}}
}

// The functions below read what the webhook or the schema defaults, and may not have (the operator
// can be run without its webhooks).

func replicas(application *appsv1.Application) int32 {
	return ptr.Deref(application.Spec.Replicas, 1)
}

func servicePort(application *appsv1.Application) int32 {
	if port := application.Spec.Service.Port; port != 0 {
		return port
	}
	return application.Spec.Port
}

func path(application *appsv1.Application) string {
	if application.Spec.Ingress.Path == "" {
		return "/"
	}
	return application.Spec.Ingress.Path
}
