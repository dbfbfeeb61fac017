// Command envtest starts controller-runtime's control plane, as an operator's own tests do, and
// keeps it until SIGTERM. `ci/benchmarks/provisioning.py` measures it.
//
// Its arguments are the port to serve on and a file of tokens. The prober knows both beforehand,
// and so may ask from the first moment on.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: envtest PORT TOKENS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(port, tokens string) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	environment := &envtest.Environment{}
	server := environment.ControlPlane.GetAPIServer()
	server.SecureServing.Address = "127.0.0.1"
	server.SecureServing.Port = port
	server.Configure().Append("token-auth-file", tokens)
	if _, err := environment.Start(); err != nil {
		return err
	}
	<-asked
	return environment.Stop()
}
