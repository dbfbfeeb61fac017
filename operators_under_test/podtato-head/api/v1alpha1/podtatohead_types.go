// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Types of conditions.
const (
	// ConditionReady is True when every part runs the version that the spec asks for.
	ConditionReady = "Ready"
	// ConditionProgressing is True while parts are on their way.
	ConditionProgressing = "Progressing"
	// ConditionDegraded is True when the spec's version couldn't be brought up.
	ConditionDegraded = "Degraded"
)

// Phase is a word for where the app is, for people; programs read the conditions.
// +kubebuilder:validation:Enum=Deploying;Upgrading;Running;RollingBack;RolledBack;Failed
type Phase string

// Phases.
const (
	PhaseDeploying   Phase = "Deploying"
	PhaseUpgrading   Phase = "Upgrading"
	PhaseRunning     Phase = "Running"
	PhaseRollingBack Phase = "RollingBack"
	PhaseRolledBack  Phase = "RolledBack"
	PhaseFailed      Phase = "Failed"
)

// Result is how the rollout of a version ended.
// +kubebuilder:validation:Enum=Succeeded;RolledBack;Failed
type Result string

// Results.
const (
	ResultSucceeded  Result = "Succeeded"
	ResultRolledBack Result = "RolledBack"
	ResultFailed     Result = "Failed"
)

// PodtatoHeadSpec is what the author of a PodtatoHead wants.
type PodtatoHeadSpec struct {
	// version of the app; each of its parts runs it.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z][0-9A-Za-z.-]*)?$`
	Version string `json:"version"`

	// replicas of each part.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +kubebuilder:default=1
	Replicas int32 `json:"replicas,omitempty"`

	// rollback says what happens to an upgrade whose parts don't become ready.
	// +optional
	// +kubebuilder:default={}
	Rollback RollbackSpec `json:"rollback,omitzero"`
}

// RollbackSpec says when an upgrade is given up.
type RollbackSpec struct {
	// enabled lets the operator go back to the last version whose parts were all ready.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`

	// deadlineSeconds is how long the parts of a version may take to become ready.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	// +kubebuilder:default=120
	DeadlineSeconds int32 `json:"deadlineSeconds,omitempty"`
}

// PodtatoHeadStatus is what the operator has seen and done.
type PodtatoHeadStatus struct {
	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a word for where the app is.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// version that the parts run, or are being brought to.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Version string `json:"version,omitempty"`

	// lastGoodVersion is the last version whose parts were all ready; a rollback goes there.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	LastGoodVersion string `json:"lastGoodVersion,omitempty"`

	// rejectedVersion is the version that was rolled back. It isn't tried again until the spec asks
	// for another one in between.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	RejectedVersion string `json:"rejectedVersion,omitempty"`

	// rolloutStartedAt is when the parts began to be brought to version; absent when they are there.
	// +optional
	RolloutStartedAt *metav1.Time `json:"rolloutStartedAt,omitempty"`

	// readyParts is how many parts run version with all their replicas.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ReadyParts int32 `json:"readyParts,omitempty"`

	// parts tells of each part.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Parts []PartStatus `json:"parts,omitempty"`

	// history holds the rollouts that ended, the newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	History []Rollout `json:"history,omitempty"`

	// conditions hold Ready, Progressing and Degraded.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PartStatus tells of one part.
type PartStatus struct {
	// name of the part, such as left-arm.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Name string `json:"name"`

	// image that its pods are to run.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`

	// ready is true when all its replicas run that image and are available.
	// +optional
	Ready bool `json:"ready"`
}

// Rollout is a rollout that ended.
type Rollout struct {
	// version that it was to bring.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Version string `json:"version"`

	// result is how it ended.
	// +required
	Result Result `json:"result"`

	// finishedAt is when.
	// +required
	FinishedAt metav1.Time `json:"finishedAt"`
}

// PodtatoHead is an app of several services that is deployed, upgraded and rolled back as one.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Wanted",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Parts",type=integer,JSONPath=`.status.readyParts`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be a DNS label of at most 52 characters that begins with a letter: the names of Services begin with it"
type PodtatoHead struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the author of the PodtatoHead wants.
	// +required
	Spec PodtatoHeadSpec `json:"spec"`

	// status is what the operator has seen and done.
	// +optional
	Status PodtatoHeadStatus `json:"status,omitzero"`
}

// PodtatoHeadList is a list of PodtatoHeads.
// +kubebuilder:object:root=true
type PodtatoHeadList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []PodtatoHead `json:"items"`
}
