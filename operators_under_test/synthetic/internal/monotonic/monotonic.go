// SPDX-License-Identifier: Apache-2.0

// Package monotonic reads CLOCK_MONOTONIC as other processes of the machine read it (Python's
// time.monotonic_ns), and waits on it more exactly than time.Sleep, whose timers end at whole
// milliseconds of epoll_wait.
package monotonic

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// early is how long before the instant the kernel wakes us; what is left is spun away.
const early = 40 * time.Microsecond

// Now returns CLOCK_MONOTONIC in nanoseconds.
func Now() int64 { return read(unix.CLOCK_MONOTONIC) }

func read(clock int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(fmt.Sprintf("clock_gettime: %v", err)) // It can't fail for a clock that exists.
	}
	return t.Nano()
}

// Sleep waits; it ends early when the context does.
func Sleep(ctx context.Context, duration time.Duration) error {
	return SleepUntil(ctx, Now()+int64(duration))
}

// SleepUntil waits until an instant of Now, holding no processor meanwhile but for its last
// microseconds.
func SleepUntil(ctx context.Context, instant int64) error {
	if wake := instant - int64(early); Now() < wake {
		timer, err := borrow()
		if err != nil {
			return err
		}
		defer timers.Put(timer)
		if err := timer.wait(ctx, wake); err != nil {
			return err
		}
	}
	SpinUntil(instant)
	return ctx.Err()
}

// SpinUntil burns time until an instant of Now.
func SpinUntil(instant int64) {
	for Now() < instant {
	}
}

// Burn uses that much processor time of the calling thread, which the caller has locked.
func Burn(duration time.Duration) {
	end := read(unix.CLOCK_THREAD_CPUTIME_ID) + int64(duration)
	for read(unix.CLOCK_THREAD_CPUTIME_ID) < end {
	}
}

// timer is a timerfd that Go's poller waits for.
type timer struct {
	file *os.File
	raw  int
}

var timers sync.Pool

func borrow() (*timer, error) {
	if found, ok := timers.Get().(*timer); ok {
		return found, nil
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	return &timer{file: os.NewFile(uintptr(fd), "timerfd"), raw: fd}, nil
}

func (t *timer) wait(ctx context.Context, instant int64) error {
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(instant)}
	if err := unix.TimerfdSettime(t.raw, unix.TFD_TIMER_ABSTIME, &when, nil); err != nil {
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	// A context that ends lets the timer expire at once, so that the read below returns.
	stop := context.AfterFunc(ctx, func() {
		now := unix.ItimerSpec{Value: unix.NsecToTimespec(1)}
		_ = unix.TimerfdSettime(t.raw, unix.TFD_TIMER_ABSTIME, &now, nil)
	})
	defer stop()
	var expirations [8]byte
	if _, err := t.file.Read(expirations[:]); err != nil {
		return fmt.Errorf("reading a timer: %w", err)
	}
	return ctx.Err()
}
