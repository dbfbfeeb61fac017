// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Ready is the type of the condition that says that a Task's current generation was served.
const Ready = "Ready"

// TaskSpec is what is asked for; serving it takes the same time whatever it says.
type TaskSpec struct {
	// Step is a number that an update can change.
	Step int64 `json:"step"`
	// Payload makes the object larger.
	Payload string `json:"payload,omitempty"`
}

// TaskStatus is what the operator has done.
type TaskStatus struct {
	// ObservedGeneration is the generation that was served last.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Served counts how often the Task was served.
	Served int64 `json:"served,omitempty"`
	// Conditions hold Ready.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Task is a unit of work.
type Task struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TaskSpec   `json:"spec"`
	Status TaskStatus `json:"status,omitempty"`
}

// TaskList is a list of Tasks.
type TaskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Task `json:"items"`
}

// DeepCopy returns a copy that shares nothing.
func (t *Task) DeepCopy() *Task {
	out := &Task{TypeMeta: t.TypeMeta, Spec: t.Spec, Status: t.Status}
	t.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Status.Conditions = nil
	for _, condition := range t.Status.Conditions {
		out.Status.Conditions = append(out.Status.Conditions, *condition.DeepCopy())
	}
	return out
}

// DeepCopyObject is DeepCopy, as runtime.Object wants it.
func (t *Task) DeepCopyObject() runtime.Object { return t.DeepCopy() }

// DeepCopyObject returns a copy that shares nothing.
func (l *TaskList) DeepCopyObject() runtime.Object {
	out := &TaskList{TypeMeta: l.TypeMeta, Items: make([]Task, 0, len(l.Items))}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopy())
	}
	return out
}
