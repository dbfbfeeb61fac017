// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// DefaultMessage is what a guestbook shows when its author has written nothing.
	DefaultMessage = "Welcome to the guestbook."

	// CleanupFinalizer holds a deleted Guestbook until its directory entry is gone.
	CleanupFinalizer = "webapp.tutorial.kubebuilder.io/cleanup"

	// ConditionReady is True when the children match the current generation and serve.
	ConditionReady = "Ready"

	// ConditionProgressing is True while the children are on their way to the current generation.
	ConditionProgressing = "Progressing"
)

// GuestbookSpec is what the author of a Guestbook wants.
type GuestbookSpec struct {
	// size is the number of replicas that serve the guestbook.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +kubebuilder:default=1
	Size int32 `json:"size,omitempty"`

	// message is shown on the guestbook's first page. A blank message is replaced by the default.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:default="Welcome to the guestbook."
	Message string `json:"message,omitempty"`

	// image is the container image that serves the guestbook. It must name a tag other than
	// "latest", or a digest.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^\S+$`
	// +kubebuilder:default="registry.k8s.io/pause:3.10.1"
	Image string `json:"image,omitempty"`

	// port is the TCP port on which the guestbook is served.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:default=80
	Port int32 `json:"port,omitempty"`
}

// GuestbookStatus is what the operator has seen.
type GuestbookStatus struct {
	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// replicas is the number of pods that exist.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replicas int32 `json:"replicas,omitempty"`

	// readyReplicas is the number of pods that are ready.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`

	// observedMessage is the message that is being shown.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ObservedMessage string `json:"observedMessage,omitempty"`

	// selector selects the guestbook's pods; it serves the scale subresource.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Selector string `json:"selector,omitempty"`

	// conditions hold Ready and Progressing.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Guestbook is a page that visitors can read, served by some replicas.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.size,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Size",type=integer,JSONPath=`.spec.size`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=`.status.readyReplicas`,priority=1
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.spec.image`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Guestbook struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the author of the Guestbook wants.
	// +required
	Spec GuestbookSpec `json:"spec"`

	// status is what the operator has seen.
	// +optional
	Status GuestbookStatus `json:"status,omitzero"`
}

// GuestbookList is a list of Guestbooks.
// +kubebuilder:object:root=true
type GuestbookList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Guestbook `json:"items"`
}
