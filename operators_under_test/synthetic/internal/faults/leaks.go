// SPDX-License-Identifier: Apache-2.0

// Package faults holds what can be switched on to be found: leaks, and what looks like one.
package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"

	"operator-harness.example/synthetic/internal/settings"
)

// Leaks leaves things behind at each service.
type Leaks struct {
	settings settings.Settings
	mutex    sync.Mutex
	services int
	heap     *block
	files    []*os.File
	cache    [][]byte
	cached   int
	entries  map[int]entry
	garbage  []byte
}

// entry is what the map that grows holds: small enough to lie in the map itself.
type entry [120]byte

// mapWrites is how many entries of the map each service writes.
const mapWrites = 32

// block is the smallest piece of heap that can hold on to another.
type block struct {
	next *block
	_    uint64
}

const blockSize = 16

// NewLeaks returns the leaks that the settings name; it sets the collector as they say.
func NewLeaks(s settings.Settings) *Leaks {
	if s.GCPercent > 0 {
		debug.SetGCPercent(s.GCPercent)
	}
	return &Leaks{settings: s, entries: map[int]entry{}}
}

// Served leaves behind what one service does.
func (l *Leaks) Served() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.services++
	if l.settings.LeakBytes > 0 {
		l.leakHeap()
	}
	if every := l.settings.LeakGoroutineEvery; every > 0 && l.services%every == 0 {
		go leakGoroutine()
	}
	if every := l.settings.LeakDescriptorEvery; every > 0 && l.services%every == 0 {
		if err := l.leakDescriptor(); err != nil {
			return err
		}
	}
	l.fillCache()
	l.growMap()
	if size := l.settings.GarbageBytes; size > 0 {
		l.garbage = make([]byte, size) // A field, since what stays on the stack is no garbage.
		l.garbage[0] = 1
	}
	return nil
}

// leakHeap links what it allocates, so that nothing is copied or held in reserve as in a slice.
func (l *Leaks) leakHeap() {
	blocks := make([]block, (l.settings.LeakBytes+blockSize-1)/blockSize)
	blocks[0].next = l.heap
	l.heap = &blocks[0]
}

func leakGoroutine() { select {} }

func (l *Leaks) leakDescriptor() error {
	file, err := os.Open("/proc/version")
	if err != nil {
		return fmt.Errorf("leaking a descriptor: %w", err)
	}
	l.files = append(l.files, file)
	return nil
}

func (l *Leaks) fillCache() {
	grown := l.cached + l.settings.CacheBytes
	if l.settings.CacheBytes == 0 || grown > l.settings.CacheLimit {
		return
	}
	l.cached = grown
	l.cache = append(l.cache, make([]byte, l.settings.CacheBytes))
}

// growMap writes entries whose keys come in no order, so that the map grows in steps, ever more rarely.
func (l *Leaks) growMap() {
	if l.settings.MapKeys == 0 {
		return
	}
	for range mapWrites {
		l.entries[rand.IntN(l.settings.MapKeys)] = entry{1}
	}
}
