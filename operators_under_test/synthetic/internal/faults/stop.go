// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"operator-harness.example/synthetic/internal/monotonic"
)

// Stop lets nothing be served for a while after SIGUSR1. It is a manager's Runnable.
type Stop struct {
	Duration time.Duration
	until    atomic.Int64
}

// Start waits for signals until the context ends.
func (s *Stop) Start(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			s.until.Store(monotonic.Now() + int64(s.Duration))
		}
	}
}

// Wait returns when the stop, if there is one, is over.
func (s *Stop) Wait(ctx context.Context) error {
	if until := s.until.Load(); until > monotonic.Now() {
		return monotonic.SleepUntil(ctx, until)
	}
	return nil
}
