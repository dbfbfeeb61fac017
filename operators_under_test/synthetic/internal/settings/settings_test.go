// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"strings"
	"testing"
	"time"
)

func TestWithoutVariablesItIsHealthy(t *testing.T) {
	got, err := parse([]string{"HOME=/"})
	want := Settings{Workers: 4, ServiceTime: 5 * time.Millisecond, Stop: 2 * time.Second}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestVariablesAreRead(t *testing.T) {
	got, err := parse([]string{
		"SYNTHETIC_WORKERS=1", "SYNTHETIC_SERVICE_TIME=20ms", "SYNTHETIC_SLOW_DOWN_PERCENT=5",
		"SYNTHETIC_ENDLESS=true", "SYNTHETIC_CLIENT_QPS=7.5", "SYNTHETIC_LOG=/log",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Service() != 21*time.Millisecond {
		t.Errorf("the service takes %s", got.Service())
	}
	if got.Workers != 1 || !got.Endless || got.ClientQPS != 7.5 || got.Log != "/log" {
		t.Errorf("got %+v", got)
	}
}

func TestAMistakeIsNamed(t *testing.T) {
	for _, entry := range []string{
		"SYNTHETIC_WORKERS=0", "SYNTHETIC_WORKERS=some", "SYNTHETIC_WORKER=1", "SYNTHETIC_BURN=-1ms",
		"SYNTHETIC_CLIENT_QPS=NaN", "SYNTHETIC_ENDLESS=2",
	} {
		if _, err := parse([]string{entry}); err == nil || !strings.Contains(err.Error(), "SYNTHETIC_WORKER") &&
			!strings.Contains(err.Error(), entry[:strings.Index(entry, "=")]) {
			t.Errorf("%s gives %v", entry, err)
		}
	}
}
