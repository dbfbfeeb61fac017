// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImoocPodSpec is what the author of an ImoocPod wants.
type ImoocPodSpec struct {
	// replicas is the number of pods that are kept.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50
	Replicas int32 `json:"replicas"`
}

// ImoocPodStatus is what the operator has seen.
type ImoocPodStatus struct {
	// replicas is the number of pods that are there: neither ended nor being deleted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replicas int32 `json:"replicas"`

	// podNames are the names of these pods, in the order of their numbers.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=63
	PodNames []string `json:"podNames,omitempty"`
}

// ImoocPod keeps a number of pods.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas
// +kubebuilder:resource:path=imoocpods,scope=Namespaced
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=`.spec.replicas`
// +kubebuilder:printcolumn:name="Current",type=integer,JSONPath=`.status.replicas`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 52",message="the name must be no longer than 52 characters: names of pods are made of it"
type ImoocPod struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the author of the ImoocPod wants.
	// +required
	Spec ImoocPodSpec `json:"spec"`

	// status is what the operator has seen.
	// +optional
	Status ImoocPodStatus `json:"status"`
}

// ImoocPodList is a list of ImoocPods.
// +kubebuilder:object:root=true
type ImoocPodList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ImoocPod `json:"items"`
}
