// SPDX-License-Identifier: Apache-2.0

// The operator of PodtatoHeads.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	podtatov1 "operator-harness.example/podtato-head/api/v1alpha1"
	"operator-harness.example/podtato-head/internal/controller"
	"operator-harness.example/podtato-head/internal/defects"
)

// settings are the command line.
type settings struct {
	metricsAddress, probeAddress, partImage string
	leaderElect                             bool
	zap                                     zap.Options
}

func parseFlags() settings {
	var s settings
	flag.StringVar(&s.metricsAddress, "metrics-bind-address", "0",
		"Address of the metrics endpoint, such as :8080; 0 switches it off.")
	flag.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081", "Address of healthz and readyz.")
	flag.StringVar(&s.partImage, "part-image", "example.com/podtato-part:{version}",
		"Image of the app's parts; {part} and {version} in it are filled in.")
	flag.BoolVar(&s.leaderElect, "leader-elect", false, "Let one replica at a time reconcile.")
	s.zap.BindFlags(flag.CommandLine)
	flag.Parse()
	return s
}

func main() {
	s := parseFlags()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&s.zap)))
	// Nothing may follow run: the lease is released when the manager ends, so the process must end too.
	if err := run(ctrl.SetupSignalHandler(), s); err != nil {
		ctrl.Log.WithName("setup").Error(err, "The operator ends")
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	defect, err := defects.FromEnvironment()
	if err != nil {
		return err
	}
	if defect != defects.None {
		ctrl.Log.WithName("setup").Info("This is a faulty twin", "defect", defect)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(podtatov1.AddToScheme(scheme))
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         controller.CacheOptions(),
		Metrics:                       metricsserver.Options{BindAddress: s.metricsAddress},
		HealthProbeBindAddress:        s.probeAddress,
		LeaderElection:                s.leaderElect,
		LeaderElectionID:              "podtato-head.podtato.example.org",
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	if err := (&controller.PodtatoHeadReconciler{
		Client:    client.WithFieldOwner(mgr.GetClient(), controller.ManagedBy),
		APIReader: mgr.GetAPIReader(),
		Scheme:    mgr.GetScheme(),
		Recorder:  mgr.GetEventRecorder("podtato-head-controller"),
		Clock:     clock.RealClock{},
		PartImage: s.partImage,
		Started:   time.Now(),
		Defect:    defect,
	}).SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller: %w", err)
	}
	for _, add := range []func(string, healthz.Checker) error{mgr.AddHealthzCheck, mgr.AddReadyzCheck} {
		if err := add("ping", healthz.Ping); err != nil {
			return fmt.Errorf("setting up the probes: %w", err)
		}
	}
	return mgr.Start(ctx)
}
