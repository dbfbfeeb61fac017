// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"runtime/debug"
	"testing"

	"operator-harness.example/synthetic/internal/settings"
)

func serve(t *testing.T, l *Leaks, times int) {
	t.Helper()
	for range times {
		if err := l.Served(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAHealthyOperatorLeavesNothing(t *testing.T) {
	l := NewLeaks(settings.Settings{})
	serve(t, l, 10)
	if l.heap != nil || len(l.files) != 0 || len(l.cache) != 0 ||
		len(l.entries) != 0 || l.garbage != nil {
		t.Errorf("it leaves %+v", l)
	}
}

func TestEachServiceLeavesItsPieceOfHeap(t *testing.T) {
	l := NewLeaks(settings.Settings{LeakBytes: 40})
	serve(t, l, 3)
	pieces := 0
	for b := l.heap; b != nil; b = b.next {
		pieces++
	}
	if pieces != 3 {
		t.Errorf("%d pieces hang together", pieces)
	}
}

func TestADescriptorStaysOpenAtEachSoMany(t *testing.T) {
	l := NewLeaks(settings.Settings{LeakDescriptorEvery: 4})
	serve(t, l, 9)
	if len(l.files) != 2 {
		t.Errorf("%d files are open", len(l.files))
	}
}

func TestTheCacheGrowsAndIsFlatThen(t *testing.T) {
	l := NewLeaks(settings.Settings{CacheBytes: 100, CacheLimit: 1050})
	serve(t, l, 30)
	if l.cached != 1000 || len(l.cache) != 10 {
		t.Errorf("it holds %d bytes in %d pieces", l.cached, len(l.cache))
	}
}

func TestTheMapHasNoMoreThanItsKeys(t *testing.T) {
	l := NewLeaks(settings.Settings{MapKeys: 100})
	serve(t, l, 1)
	few := len(l.entries)
	serve(t, l, 200)
	if few == 0 || few > mapWrites || len(l.entries) != 100 {
		t.Errorf("it has %d entries, then %d", few, len(l.entries))
	}
}

func TestGarbageIsLetGoOf(t *testing.T) {
	l := NewLeaks(settings.Settings{GarbageBytes: 64})
	serve(t, l, 1)
	first := &l.garbage[0]
	serve(t, l, 1)
	if len(l.garbage) != 64 || first == &l.garbage[0] {
		t.Errorf("it holds %d bytes, the same as before: %t", len(l.garbage), first == &l.garbage[0])
	}
}

func TestTheCollectorIsAsTheSettingsSay(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	NewLeaks(settings.Settings{})
	if unchanged := debug.SetGCPercent(100); unchanged != 100 {
		t.Errorf("without the setting it is %d", unchanged)
	}
	NewLeaks(settings.Settings{GCPercent: 10000})
	if changed := debug.SetGCPercent(100); changed != 10000 {
		t.Errorf("it is %d", changed)
	}
}
