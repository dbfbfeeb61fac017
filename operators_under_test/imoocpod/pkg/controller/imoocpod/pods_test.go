// SPDX-License-Identifier: Apache-2.0

package imoocpod

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestPlan(t *testing.T) {
	for name, test := range map[string]struct {
		pods    map[string]standing
		kept    []string
		doomed  []string
		missing []int
	}{
		"nothing there": {missing: []int{0, 1, 2}},
		"as it should be": {
			pods: map[string]standing{"sample-pod-0": living, "sample-pod-1": living, "sample-pod-10": living},
			kept: []string{"sample-pod-0", "sample-pod-1", "sample-pod-10"},
		},
		"the highest numbers go": {
			pods: map[string]standing{
				"sample-pod-9": living, "sample-pod-10": living, "sample-pod-1": living, "sample-pod-2": living,
			},
			kept:   []string{"sample-pod-1", "sample-pod-2", "sample-pod-9"},
			doomed: []string{"sample-pod-10"},
		},
		"a gap is filled": {
			pods: map[string]standing{"sample-pod-0": living, "sample-pod-2": living},
			kept: []string{"sample-pod-0", "sample-pod-2"}, missing: []int{1},
		},
		"a name in use is left out, whosesoever it is": {
			pods:    map[string]standing{"sample-pod-0": foreign, "sample-pod-1": leaving, "other": foreign},
			missing: []int{2, 3, 4},
		},
		"one that has ended makes place": {
			pods: map[string]standing{"sample-pod-0": useless, "sample-pod-1": living},
			kept: []string{"sample-pod-1"}, doomed: []string{"sample-pod-0"}, missing: []int{2, 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var pods []corev1.Pod
			for name := range test.pods {
				pods = append(pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}})
			}
			found := planFor(sample(3), pods, func(pod *corev1.Pod) standing { return test.pods[pod.Name] })
			if !slices.Equal(names(found.kept), test.kept) || !slices.Equal(names(found.doomed), test.doomed) ||
				!slices.Equal(found.missing, test.missing) {
				t.Fatalf("got %v, %v, %v", names(found.kept), names(found.doomed), found.missing)
			}
		})
	}
}

func TestStatusListsPodsByNumber(t *testing.T) {
	var pods []*corev1.Pod
	for _, number := range []int{10, 2, 0} {
		pods = append(pods, newPod(sample(3), number))
	}
	status := statusOf(pods)
	want := []string{"sample-pod-0", "sample-pod-2", "sample-pod-10"}
	if status.Replicas != 3 || !slices.Equal(status.PodNames, want) {
		t.Fatalf("got %+v", status)
	}
}

func TestTheLongestNameStillGivesALegalPod(t *testing.T) {
	owner := sample(1)
	owner.Name = strings.Repeat("a", 52) // What the CRD's rule allows.
	pod := newPod(owner, 999)
	faults := validation.IsDNS1123Label(pod.Name)
	for _, value := range pod.Labels {
		faults = append(faults, validation.IsValidLabelValue(value)...)
	}
	if len(faults) > 0 {
		t.Fatalf("got %q", faults)
	}
}

func names(pods []*corev1.Pod) (found []string) {
	for _, pod := range pods {
		found = append(found, pod.Name)
	}
	return found
}
