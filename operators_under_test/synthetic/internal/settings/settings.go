// SPDX-License-Identifier: Apache-2.0

// Package settings reads what the operator is to be like from SYNTHETIC_* environment variables.
// What isn't set is healthy.
package settings

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const prefix = "SYNTHETIC_"

// Settings are all variables; the tag is the name without SYNTHETIC_.
type Settings struct {
	// Workers is how many Tasks are served at a time.
	Workers int `env:"WORKERS"`
	// ServiceTime is how long serving one takes, before its status is written.
	ServiceTime time.Duration `env:"SERVICE_TIME"`
	// ServiceSpins spends the service time on the processor instead of waiting.
	ServiceSpins bool `env:"SERVICE_SPINS"`
	// SlowDown makes the service time longer, in percent.
	SlowDown float64 `env:"SLOW_DOWN_PERCENT"`
	// Log is the path of the raw log; empty for none.
	Log string `env:"LOG"`
	// Endless serves each Task again and again: the capacity is what comes out.
	Endless bool `env:"ENDLESS"`

	// ClientQPS and ClientBurst are client-go's own limits; 0 for none.
	ClientQPS   float64 `env:"CLIENT_QPS"`
	ClientBurst int     `env:"CLIENT_BURST"`
	// ClientMetrics registers client-go's metrics of its requests' sizes and its limiter's waits.
	ClientMetrics bool `env:"CLIENT_METRICS"`
	// KeepToken reads the ServiceAccount's token once, and never again.
	KeepToken bool `env:"KEEP_TOKEN"`
	// WebhookDelay is how long the validating webhook takes, where it is asked.
	WebhookDelay time.Duration `env:"WEBHOOK_DELAY"`
	// Burn is processor time that each service takes in addition.
	Burn time.Duration `env:"BURN"`
	// Conflicts is how many writes of each generation have a stale resource version.
	Conflicts int `env:"CONFLICTS"`
	// ListTasks and ListConfigMaps list all of them at each service, from the API server.
	ListTasks      bool `env:"LIST_TASKS"`
	ListConfigMaps bool `env:"LIST_CONFIGMAPS"`
	// Stop is for how long nothing is served after SIGUSR1.
	Stop time.Duration `env:"STOP"`

	// LeakBytes leaves that much on the heap at each service; rounded up to 16.
	LeakBytes int `env:"LEAK_BYTES"`
	// LeakGoroutineEvery leaves a goroutine at each so many services; 0 for never.
	LeakGoroutineEvery int `env:"LEAK_GOROUTINE_EVERY"`
	// LeakDescriptorEvery leaves a file open at each so many services; 0 for never.
	LeakDescriptorEvery int `env:"LEAK_DESCRIPTOR_EVERY"`
	// LeakOrphanEvery makes a ConfigMap for each so many Tasks that nothing removes; 0 for never.
	LeakOrphanEvery int `env:"LEAK_ORPHAN_EVERY"`
	// LeakWatch leaves a watch whenever the CustomResourceDefinition is made anew.
	LeakWatch bool `env:"LEAK_WATCH"`
	// CacheBytes is what a cache grows by at each service, up to CacheLimit: no leak.
	CacheBytes int `env:"CACHE_BYTES"`
	CacheLimit int `env:"CACHE_LIMIT"`
	// MapKeys is how many keys a map gets, some at each service, in no order: no leak.
	MapKeys int `env:"MAP_KEYS"`
	// GarbageBytes is allocated at each service and let go of: no leak.
	GarbageBytes int `env:"GARBAGE_BYTES"`
	// GCPercent is Go's GOGC; 0 leaves it as it is. With a large one only time collects.
	GCPercent int `env:"GC_PERCENT"`
}

// FromEnvironment reads the settings.
func FromEnvironment() (Settings, error) { return parse(os.Environ()) }

func parse(environment []string) (Settings, error) {
	s := Settings{Workers: 4, ServiceTime: 5 * time.Millisecond, Stop: 2 * time.Second}
	fields := map[string]reflect.Value{}
	value := reflect.ValueOf(&s).Elem()
	for i := range value.NumField() {
		fields[prefix+value.Type().Field(i).Tag.Get("env")] = value.Field(i)
	}
	var faults []error
	for _, entry := range environment {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		field, known := fields[name]
		if !known {
			faults = append(faults, fmt.Errorf("%s is no setting", name))
		} else if err := set(field, text); err != nil {
			faults = append(faults, fmt.Errorf("%s=%q: %w", name, text, err))
		}
	}
	if s.Workers < 1 {
		faults = append(faults, errors.New("SYNTHETIC_WORKERS must be at least 1"))
	}
	return s, errors.Join(faults...)
}

func set(field reflect.Value, text string) error {
	switch target := field.Addr().Interface().(type) {
	case *string:
		*target = text
		return nil
	case *bool:
		found, err := strconv.ParseBool(text)
		*target = found
		return err
	case *int:
		found, err := strconv.Atoi(text)
		*target = found
		return positive(found < 0, err)
	case *float64:
		found, err := strconv.ParseFloat(text, 64)
		*target = found
		return positive(!(found >= 0), err)
	case *time.Duration:
		found, err := time.ParseDuration(text)
		*target = found
		return positive(found < 0, err)
	}
	return fmt.Errorf("no way to read a %s", field.Type())
}

func positive(negative bool, err error) error {
	if err == nil && negative {
		return errors.New("it must not be negative")
	}
	return err
}

// Service is the service time with its slow-down.
func (s Settings) Service() time.Duration {
	return time.Duration(float64(s.ServiceTime) * (1 + s.SlowDown/100))
}
