// SPDX-License-Identifier: Apache-2.0

// Package rawlog writes what was done with each item of the queue, as rows of little-endian int64.
// Beside the file lies its description, <path>.json, as the harness's own columns have it.
package rawlog

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// every is how often what was gathered is written; a kill loses no more than that.
const every = 100 * time.Millisecond

// Result says how a reconcile ended.
type Result int64

const (
	// Served: the service time was spent and the status written.
	Served Result = iota
	// Nothing: there was nothing to do.
	Nothing
	// Gone: the object is no more.
	Gone
	// Failed: an error, so the item is retried.
	Failed
	// Conflicted: the write had a stale resource version, so the item is retried.
	Conflicted
)

// Row is one item, from queue to end.
type Row struct {
	// Namespace and Name are the item.
	Namespace, Name string
	// UID and Generation are those that were read; empty and 0 where there is no object.
	UID        string
	Generation int64
	// Enqueued is when the item became ready to be taken, Dequeued when a worker took it, Begun when
	// its service began, ServiceEnded when its service time was over, Finished when the worker was
	// done with it. All are CLOCK_MONOTONIC nanoseconds; 0 where it didn't come to that.
	Enqueued, Dequeued, Begun, ServiceEnded, Finished int64
	// Retries counts the failures of this item before.
	Retries int64
	// Result is how it ended.
	Result Result
}

var (
	columns = []string{
		"key", "object", "uid", "generation", "enqueued_ns", "dequeued_ns", "begun_ns", "service_ended_ns",
		"finished_ns", "retries", "result",
	}
	units = []string{"1", "1", "1", "1", "ns", "ns", "ns", "ns", "ns", "1", "1"}
)

// Log is a file of rows; a nil one takes them and does nothing.
type Log struct {
	mutex  sync.Mutex
	buffer []byte
	file   *os.File
}

// Open makes the file and its description anew, but goes on with a file that has rows: an operator
// that is started again adds to them.
func Open(path string) (*Log, error) {
	if path == "" {
		return nil, nil
	}
	description, err := json.Marshal(map[string][]string{"columns": columns, "units": units})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".json", description, 0o644); err != nil {
		return nil, fmt.Errorf("describing the log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	width := int64(8 * len(columns))
	if err := file.Truncate(info.Size() / width * width); err != nil { // A kill may have torn the last row.
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return &Log{file: file}, nil
}

// Append adds a row; it is written a little later.
func (l *Log) Append(r Row) {
	if l == nil {
		return
	}
	values := [...]int64{
		key(r.Namespace, r.Name), index(r.Name), uid(r.UID), r.Generation, r.Enqueued, r.Dequeued, r.Begun,
		r.ServiceEnded, r.Finished, r.Retries, int64(r.Result),
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, value := range values {
		l.buffer = binary.LittleEndian.AppendUint64(l.buffer, uint64(value))
	}
}

// Start writes rows until the context ends. It is a manager's Runnable.
func (l *Log) Start(ctx context.Context) error {
	if l == nil {
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if err := l.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// NeedLeaderElection says that the log is written by every replica.
func (l *Log) NeedLeaderElection() bool { return false }

// Flush writes what was gathered.
func (l *Log) Flush() error {
	if l == nil {
		return nil
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, err := l.file.Write(l.buffer)
	l.buffer = l.buffer[:0]
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

// key is FNV-1a of "namespace/name", its sign bit cleared.
func key(namespace, name string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(namespace + "/" + name))
	return int64(hash.Sum64() &^ (1 << 63))
}

// index is the number at the end of an object's name, which the load suite gives; else -1.
func index(name string) int64 {
	number, err := strconv.ParseInt(name[strings.LastIndex(name, "-")+1:], 10, 64)
	if err != nil || !strings.HasPrefix(name, "load-") {
		return -1
	}
	return number
}

// uid is the first 16 digits of a UUID, the sign bit cleared; 0 for none. The harness does the same.
func uid(text string) int64 {
	digits := strings.ReplaceAll(text, "-", "")
	if len(digits) < 16 {
		return 0
	}
	number, err := strconv.ParseUint(digits[:16], 16, 64)
	if err != nil {
		return 0
	}
	return int64(number &^ (1 << 63))
}
