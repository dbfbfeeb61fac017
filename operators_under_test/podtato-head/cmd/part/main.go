// SPDX-License-Identifier: Apache-2.0

// A part of the app: it serves its name and its version.
package main

import (
	"errors"
	"log"
	"net/http"
	"os"
	"time"

	"operator-harness.example/podtato-head/internal/page"
)

// version is that of the image, put in by the linker; PODTATO_VERSION stands in for it.
var version string

func main() {
	others, err := page.Parse(os.Getenv("PODTATO_PARTS"))
	if err != nil {
		log.Fatalf("PODTATO_PARTS: %v", err)
	}
	part := &page.Part{
		Name:    or(os.Getenv("PODTATO_PART"), "part"),
		Version: or(version, os.Getenv("PODTATO_VERSION"), "unknown"),
		Others:  others,
		Client:  &http.Client{},
	}
	server := &http.Server{
		Addr:              or(os.Getenv("PODTATO_ADDRESS"), ":9000"),
		Handler:           part,
		ReadHeaderTimeout: 5 * time.Second,
	}
	log.Printf("%s %s listens at %s", part.Name, part.Version, server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// or is the first text that isn't empty.
func or(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
