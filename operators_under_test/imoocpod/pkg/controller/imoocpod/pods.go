// SPDX-License-Identifier: Apache-2.0

package imoocpod

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"operator-harness.example/imoocpod/pkg/apis/k8s/v1alpha1"
)

const (
	appLabel = "app"
	uidLabel = "k8s.imooc.com/uid"

	// Image is what the pods run: it waits, and does nothing else.
	Image = "registry.k8s.io/pause:3.10.1"
)

// newPod is the pod with a number.
func newPod(owner *v1alpha1.ImoocPod, number int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: owner.Namespace,
			Name:      podName(owner, number),
			Labels:    map[string]string{appLabel: owner.Name, uidLabel: string(owner.UID)},
		},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   ptr.To(true),
				RunAsUser:      ptr.To[int64](65532),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:            "pod",
				Image:           Image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{
						corev1.ResourceCPU:    resource.MustParse("1m"),
						corev1.ResourceMemory: resource.MustParse("4Mi"),
					},
					Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					ReadOnlyRootFilesystem:   ptr.To(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// podName is the name of the pod with a number. The CRD bounds the owner's name, so it fits.
func podName(owner *v1alpha1.ImoocPod, number int) string {
	return owner.Name + "-pod-" + strconv.Itoa(number)
}

// numberOf is the number in a pod's name.
func numberOf(pod *corev1.Pod) int {
	number, err := strconv.Atoi(pod.Name[strings.LastIndex(pod.Name, "-")+1:])
	if err != nil {
		return -1 // Not one of our names.
	}
	return number
}

func byNumber(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(numberOf(a), numberOf(b)), cmp.Compare(a.Name, b.Name))
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// standing is what a pod is to an ImoocPod.
type standing int

const (
	foreign standing = iota // It belongs to somebody else.
	living                  // It counts.
	leaving                 // It is being deleted, and still holds its name.
	useless                 // It has ended, and only holds its name.
)

// plan is what has to be done so that as many pods live as are wanted.
type plan struct {
	// kept live and stay, in the order of their numbers.
	kept []*corev1.Pod
	// doomed are those of no use, and surplus ones, with the highest numbers.
	doomed []*corev1.Pod
	// missing are the lowest numbers that are free.
	missing []int
}

// planFor compares an ImoocPod's pods with what it wants.
//
// It is given all pods of the namespace, since the name of a pod isn't free whosesoever it is.
func planFor(owner *v1alpha1.ImoocPod, pods []corev1.Pod, stands func(*corev1.Pod) standing) plan {
	var found plan
	taken := map[string]bool{}
	for i := range pods {
		pod := &pods[i]
		taken[pod.Name] = true
		switch stands(pod) {
		case living:
			found.kept = append(found.kept, pod)
		case useless:
			found.doomed = append(found.doomed, pod)
		case foreign, leaving:
		}
	}
	slices.SortFunc(found.kept, byNumber)
	wanted := int(owner.Spec.Replicas)
	if len(found.kept) > wanted {
		found.doomed = append(found.doomed, found.kept[wanted:]...)
		found.kept = found.kept[:wanted]
	}
	for number := 0; len(found.kept)+len(found.missing) < wanted; number++ {
		if !taken[podName(owner, number)] {
			found.missing = append(found.missing, number)
		}
	}
	return found
}

// statusOf is the status that tells of pods.
func statusOf(pods []*corev1.Pod) v1alpha1.ImoocPodStatus {
	status := v1alpha1.ImoocPodStatus{Replicas: int32(len(pods))}
	for _, pod := range slices.SortedFunc(slices.Values(pods), byNumber) {
		status.PodNames = append(status.PodNames, pod.Name)
	}
	return status
}
