// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"operator-harness.example/synthetic/internal/rawlog"
)

var item = reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "a", Name: "b"}}

// rowOf returns what is known of the item that a worker has.
func rowOf(s *Stamps) rawlog.Row {
	var found rawlog.Row
	s.Note(item, func(row *rawlog.Row) { found = *row })
	return found
}

func stamps() (*Stamps, *int64) {
	now := new(int64)
	s := NewStamps(nil)
	s.now = func() int64 { return *now }
	return s, now
}

func TestAnItemIsEnqueuedWhenItWasAddedFirst(t *testing.T) {
	s, now := stamps()
	*now = 10
	s.added(item, 0)
	*now = 20
	s.added(item, 0)
	*now = 30
	s.got(item, 1)
	if row := rowOf(s); row.Enqueued != 10 || row.Dequeued != 30 || row.Retries != 1 {
		t.Errorf("the row is %+v", row)
	}
}

func TestADelayedItemIsEnqueuedWhenItIsReady(t *testing.T) {
	s, now := stamps()
	s.added(item, 50*time.Nanosecond)
	s.added(item, 40*time.Nanosecond)
	s.added(item, 60*time.Nanosecond)
	*now = 45
	s.got(item, 0)
	if row := rowOf(s); row.Enqueued != 40 {
		t.Errorf("the row is %+v", row)
	}
}

func TestAnItemThatIsAddedWhileInWorkWaitsFromThen(t *testing.T) {
	s, now := stamps()
	s.added(item, 0)
	s.got(item, 0)
	*now = 5
	s.added(item, 0)
	*now = 9
	s.done(item)
	s.got(item, 0)
	if row := rowOf(s); row.Enqueued != 5 || row.Dequeued != 9 {
		t.Errorf("the row is %+v", row)
	}
}

func TestWhatIsNotInWorkHasNoRow(t *testing.T) {
	s, _ := stamps()
	s.added(item, 0)
	s.Note(item, func(*rawlog.Row) { t.Error("there is a row") })
	s.got(item, 0)
	s.done(item)
	s.Note(item, func(*rawlog.Row) { t.Error("there is a row") })
}
