// SPDX-License-Identifier: Apache-2.0

// Package page serves what a part of the app shows: its name and its version. The entry also shows
// the other parts.
package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	askTimeout = 2 * time.Second
	maxAnswer  = 256
)

// Part is one part of the app.
type Part struct {
	Name, Version string
	// Others are the addresses of the parts that this one shows, by name, in order.
	Others [][2]string
	Client *http.Client
}

// Parse reads the addresses of other parts: "hat=http://a:9000/,left-arm=http://b:9000/".
func Parse(text string) ([][2]string, error) {
	var found [][2]string
	for _, item := range strings.Split(text, ",") {
		if item == "" {
			continue
		}
		name, address, ok := strings.Cut(item, "=")
		if !ok || name == "" || address == "" {
			return nil, fmt.Errorf("%q isn't of the form part=address", item)
		}
		found = append(found, [2]string{name, address})
	}
	return found, nil
}

// ServeHTTP answers with a line for this part and one for each other.
func (p *Part) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s %s\n", p.Name, p.Version)
	for _, other := range p.Others {
		fmt.Fprintln(w, p.ask(request.Context(), other[0], other[1]))
	}
}

func (p *Part) ask(ctx context.Context, name, address string) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return name + " has no address"
	}
	answer, err := p.Client.Do(request)
	if err != nil {
		return name + " doesn't answer"
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s answers %d", name, answer.StatusCode)
	}
	line, _, _ := strings.Cut(string(body), "\n")
	return line
}
