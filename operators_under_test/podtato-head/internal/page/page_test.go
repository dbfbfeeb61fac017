// SPDX-License-Identifier: Apache-2.0

package page

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func answer(t *testing.T, part *Part) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	part.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	return recorder.Body.String()
}

func TestAPartShowsItsVersion(t *testing.T) {
	if got := answer(t, &Part{Name: "hat", Version: "1.0.0"}); got != "hat 1.0.0\n" {
		t.Fatalf("got %q", got)
	}
}

func TestTheEntryShowsTheOthers(t *testing.T) {
	hat := httptest.NewServer(&Part{Name: "hat", Version: "1.1.0"})
	defer hat.Close()
	ill := httptest.NewServer(http.NotFoundHandler())
	defer ill.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	entry := &Part{
		Name: "entry", Version: "1.0.0", Client: hat.Client(),
		Others: [][2]string{{"hat", hat.URL}, {"left-arm", ill.URL}, {"left-leg", gone.URL}, {"x", ":"}},
	}
	want := "entry 1.0.0\nhat 1.1.0\nleft-arm answers 404\nleft-leg doesn't answer\nx has no address\n"
	if got := answer(t, entry); got != want {
		t.Fatalf("got %q", got)
	}
}

func TestParse(t *testing.T) {
	found, err := Parse("hat=http://a:9000/,left-arm=http://b:9000/?x=y,")
	want := [][2]string{{"hat", "http://a:9000/"}, {"left-arm", "http://b:9000/?x=y"}}
	if err != nil || !slices.Equal(found, want) {
		t.Fatalf("got %v, %v", found, err)
	}
	for _, text := range []string{"hat", "=http://a", "hat="} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
