// SPDX-License-Identifier: Apache-2.0

package monotonic

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestASleepIsNeverTooShort(t *testing.T) {
	for _, duration := range []time.Duration{0, 20 * time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
		before := Now()
		if err := Sleep(context.Background(), duration); err != nil {
			t.Fatal(err)
		}
		if slept := Now() - before; slept < int64(duration) {
			t.Errorf("%s took %d ns", duration, slept)
		}
	}
}

func TestASleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it gives %v", err)
	}
}

func BenchmarkSleep(b *testing.B) {
	benchmark(b, func(end int64) error { return SleepUntil(context.Background(), end) })
}

func BenchmarkSleepOfGo(b *testing.B) {
	benchmark(b, func(end int64) error {
		time.Sleep(time.Duration(end - Now()))
		return nil
	})
}

// benchmark reports how late five milliseconds end.
func benchmark(b *testing.B, sleepUntil func(int64) error) {
	var late []int64
	for b.Loop() {
		end := Now() + int64(5*time.Millisecond)
		if err := sleepUntil(end); err != nil {
			b.Fatal(err)
		}
		late = append(late, Now()-end)
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2])/1000, "µs-late-p50")
	b.ReportMetric(float64(late[len(late)*9/10])/1000, "µs-late-p90")
}
