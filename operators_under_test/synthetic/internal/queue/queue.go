// SPDX-License-Identifier: Apache-2.0

// Package queue wraps controller-runtime's priority queue with stamps of its own, so that what its
// metrics say can be held against a second account.
package queue

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"operator-harness.example/synthetic/internal/monotonic"
	"operator-harness.example/synthetic/internal/rawlog"
)

// Queue is a priority queue that keeps a log.
type Queue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	limiter workqueue.TypedRateLimiter[reconcile.Request]
	stamps  *Stamps
}

// Stamps are those of the items in a queue and in work.
type Stamps struct {
	log   *rawlog.Log
	now   func() int64
	mutex sync.Mutex
	ready map[reconcile.Request]int64       // when it becomes, or became, ready to be taken
	taken map[reconcile.Request]*rawlog.Row // what a worker has
}

var _ priorityqueue.PriorityQueue[reconcile.Request] = (*Queue)(nil)

// NewStamps returns stamps that end in a log.
func NewStamps(log *rawlog.Log) *Stamps {
	return &Stamps{
		log:   log,
		now:   monotonic.Now,
		ready: map[reconcile.Request]int64{},
		taken: map[reconcile.Request]*rawlog.Row{},
	}
}

// New is for controller.Options.NewQueue.
func (s *Stamps) New(
	name string, limiter workqueue.TypedRateLimiter[reconcile.Request],
) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	inner := priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
	return &Queue{PriorityQueue: inner, limiter: limiter, stamps: s}
}

// Note lets the worker that has an item say more about it, before it is done.
func (s *Stamps) Note(item reconcile.Request, note func(*rawlog.Row)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if row := s.taken[item]; row != nil {
		note(row)
	}
}

func (s *Stamps) added(item reconcile.Request, after time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	when := s.now() + int64(after)
	if before, waits := s.ready[item]; !waits || when < before {
		s.ready[item] = when
	}
}

func (s *Stamps) got(item reconcile.Request, retries int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	enqueued, known := s.ready[item]
	if !known || enqueued > now { // It was added again between leaving the queue and here.
		enqueued = now
	}
	delete(s.ready, item)
	s.taken[item] = &rawlog.Row{
		Namespace: item.Namespace, Name: item.Name, Enqueued: enqueued, Dequeued: now, Retries: int64(retries),
		Result: rawlog.Failed, // until its worker says otherwise
	}
}

func (s *Stamps) done(item reconcile.Request) {
	s.mutex.Lock()
	row := s.taken[item]
	delete(s.taken, item)
	s.mutex.Unlock()
	if row != nil {
		row.Finished = s.now()
		s.log.Append(*row)
	}
}

// Add makes an item ready.
func (q *Queue) Add(item reconcile.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, item) }

// AddAfter makes an item ready later.
func (q *Queue) AddAfter(item reconcile.Request, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, item)
}

// AddRateLimited makes an item ready when the rate limiter says.
func (q *Queue) AddRateLimited(item reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, item)
}

// AddWithOpts asks the rate limiter itself, once, so that the instant is known here.
func (q *Queue) AddWithOpts(options priorityqueue.AddOpts, items ...reconcile.Request) {
	for _, item := range items {
		own := options
		if own.RateLimited {
			limited := q.limiter.When(item)
			if own.After == 0 || limited < own.After {
				own.After = limited
			}
			own.RateLimited = false
		}
		q.stamps.added(item, own.After)
		q.PriorityQueue.AddWithOpts(own, item)
	}
}

// Get hands an item to a worker.
func (q *Queue) Get() (reconcile.Request, bool) {
	item, _, shutdown := q.GetWithPriority()
	return item, shutdown
}

// GetWithPriority hands an item to a worker.
func (q *Queue) GetWithPriority() (reconcile.Request, int, bool) {
	item, priority, shutdown := q.PriorityQueue.GetWithPriority()
	if !shutdown {
		q.stamps.got(item, q.limiter.NumRequeues(item))
	}
	return item, priority, shutdown
}

// Done takes an item back.
func (q *Queue) Done(item reconcile.Request) {
	q.stamps.done(item) // Before the queue may hand it out again.
	q.PriorityQueue.Done(item)
}
