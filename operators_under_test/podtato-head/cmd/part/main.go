// SPDX-License-Identifier: Apache-2.0

// A part of the app: it serves its name and its version.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"operator-harness.example/podtato-head/internal/page"
)

// version is that of the image, put in by the linker; PODTATO_VERSION stands in for it.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx); err != nil {
		log.Fatal(err)
	}
}

// serve answers until it is asked to end.
func serve(ctx context.Context) error {
	others, err := page.Parse(os.Getenv("PODTATO_PARTS"))
	if err != nil {
		return err
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
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	log.Printf("%s %s listens at %s", part.Name, part.Version, server.Addr)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return server.Shutdown(grace)
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
