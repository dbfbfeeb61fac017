// The rival of the load generator: custom resources as fast as client-go's transport sends them.
//
// Connections are kept alive, requests are rendered before the clock starts, answers are read and
// dropped. Prints one JSON document: what was sent, when the first request began and the last answer
// ended (CLOCK_MONOTONIC), and the CPU time that it took.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type report struct {
	OK      int64 `json:"ok"`
	Failed  int64 `json:"failed"`
	StartNs int64 `json:"start_ns"`
	EndNs   int64 `json:"end_ns"`
	CPUNs   int64 `json:"cpu_ns"`
}

const marker = "OBJECT-NAME-GOES-HERE"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file with the identity of the load generator")
	paths := flag.String("paths", "", "URL paths of the collections, separated by commas")
	body := flag.String("body", "", "file with the object; its name is "+marker)
	prefix := flag.String("prefix", "rival-", "of the objects' names")
	count := flag.Int("count", 1000, "how many objects")
	concurrency := flag.Int("concurrency", 16, "how many requests at once")
	http2 := flag.Bool("http2", false, "one connection with many streams, as client-go does by default")
	flag.Parse()
	if err := run(*kubeconfig, *body, *prefix, strings.Split(*paths, ","), *count, *concurrency, *http2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, body, prefix string, paths []string, count, concurrency int, http2 bool) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	if !http2 {
		config.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper {
		if transport, ok := inner.(*http.Transport); ok {
			transport.MaxIdleConns = concurrency
			transport.MaxIdleConnsPerHost = concurrency
			transport.DisableCompression = true
		}
		return inner
	})
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	template, err := os.ReadFile(body)
	if err != nil {
		return err
	}
	before, after, found := bytes.Cut(template, []byte(marker))
	if !found {
		return fmt.Errorf("%s doesn't hold %s", body, marker)
	}
	bodies := make([][]byte, count)
	for i := range bodies {
		name := fmt.Sprintf("%s%07d", prefix, i)
		bodies[i] = bytes.Join([][]byte{before, []byte(name), after}, nil)
	}
	urls := make([]string, len(paths))
	for i, path := range paths {
		urls[i] = config.Host + path
	}
	if err := warm(client, urls[0], concurrency); err != nil {
		return err
	}
	result := loop(client, urls, bodies, concurrency)
	return json.NewEncoder(os.Stdout).Encode(result)
}

// warm opens the connections, as the load generator's are open before its clock starts.
func warm(client *http.Client, url string, concurrency int) error {
	var group sync.WaitGroup
	var failed atomic.Value
	for range concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			answer, err := client.Get(url + "?limit=1")
			if err != nil {
				failed.Store(err)
				return
			}
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}()
	}
	group.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	return nil
}

func loop(client *http.Client, urls []string, bodies [][]byte, concurrency int) report {
	var next, ok, failed atomic.Int64
	var group sync.WaitGroup
	cpu, start := clock(unix.CLOCK_PROCESS_CPUTIME_ID), clock(unix.CLOCK_MONOTONIC)
	for range concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			buffer := make([]byte, 64<<10)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				if create(client, urls[i%len(urls)], bodies[i], buffer) {
					ok.Add(1)
				} else {
					failed.Add(1)
				}
			}
		}()
	}
	group.Wait()
	return report{
		OK:      ok.Load(),
		Failed:  failed.Load(),
		StartNs: start,
		EndNs:   clock(unix.CLOCK_MONOTONIC),
		CPUNs:   clock(unix.CLOCK_PROCESS_CPUTIME_ID) - cpu,
	}
}

func create(client *http.Client, url string, body, buffer []byte) bool {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	request.Header["Content-Type"] = []string{"application/json"}
	request.Header["Accept"] = []string{"application/json"}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	for {
		if _, err = answer.Body.Read(buffer); err != nil {
			return err == io.EOF && answer.StatusCode == http.StatusCreated
		}
	}
}

func clock(id int32) int64 {
	var now unix.Timespec
	unix.ClockGettime(id, &now)
	return now.Nano()
}
