// Command envtest starts controller-runtime's control plane, as an operator's own tests do, and
// keeps it until standard input is closed. `ci/benchmarks/provisioning.py` measures it.
//
// Arguments: the port to serve on, and a file of tokens for the prober, which knows both
// beforehand and so may ask from the first moment on.
package main

import (
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(port, tokens string) error {
	environment := &envtest.Environment{}
	server := environment.ControlPlane.GetAPIServer()
	server.SecureServing.Address = "127.0.0.1"
	server.SecureServing.Port = port
	server.Configure().Append("token-auth-file", tokens)
	if _, err := environment.Start(); err != nil {
		return err
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return environment.Stop()
}
