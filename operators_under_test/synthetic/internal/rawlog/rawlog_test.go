// SPDX-License-Identifier: Apache-2.0

package rawlog

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func rows(t *testing.T, path string) [][]int64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]int64
	for width := 8 * len(columns); len(data) >= width; data = data[width:] {
		var row []int64
		for i := range columns {
			row = append(row, int64(binary.LittleEndian.Uint64(data[8*i:])))
		}
		found = append(found, row)
	}
	return found
}

func appendTo(t *testing.T, path string, row Row) {
	t.Helper()
	log, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	log.Append(row)
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestARowHasTheColumnsOfItsDescription(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.i64")
	appendTo(t, path, Row{
		Namespace: "a", Name: "load-2af3-0000017", UID: "8fffffff-ffff-ffff-0000-000000000000", Generation: 3,
		Enqueued: 10, Dequeued: 20, Begun: 30, ServiceEnded: 40, Finished: 50, Retries: 2, Result: Conflicted,
	})
	want := []int64{key("a", "load-2af3-0000017"), 17, 0x0fffffffffffffff, 3, 10, 20, 30, 40, 50, 2, 4}
	if got := rows(t, path); len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("rows are %v, want %v", got, want)
	}
	var description struct{ Columns, Units []string }
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(description.Columns, columns) || len(description.Units) != len(columns) {
		t.Errorf("described as %v", description)
	}
}

func TestAnOperatorThatIsStartedAgainGoesOnWithoutATornRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.i64")
	appendTo(t, path, Row{Finished: 1})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, 1, 2, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, Row{Finished: 2})
	got := rows(t, path)
	if len(got) != 2 || got[1][slices.Index(columns, "finished_ns")] != 2 {
		t.Errorf("rows are %v", got)
	}
}

func TestOnlyNamesOfTheLoadSuiteHaveAnIndex(t *testing.T) {
	for name, want := range map[string]int64{"load-2af3-0000000": 0, "load-2af3-": -1, "task": -1, "other-5": -1} {
		if got := index(name); got != want {
			t.Errorf("%s has index %d, want %d", name, got, want)
		}
	}
}

func TestKeysAndUidsAreNeverNegative(t *testing.T) {
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		if key("ns", name) < 0 {
			t.Errorf("the key of %s is negative", name)
		}
	}
	if uid("") != 0 || uid("ffffffff-ffff-ffff-ffff-ffffffffffff") < 0 {
		t.Error("a uid is wrong")
	}
}
