// SPDX-License-Identifier: Apache-2.0

// The operator of ImoocPods.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"operator-harness.example/imoocpod/pkg/apis"
	"operator-harness.example/imoocpod/pkg/controller"
	"operator-harness.example/imoocpod/pkg/controller/imoocpod"
	"operator-harness.example/imoocpod/pkg/defects"
)

// The environment that the Deployment sets.
const (
	watchNamespaceVariable = "WATCH_NAMESPACE"
	podNameVariable        = "POD_NAME"
	operatorNameVariable   = "OPERATOR_NAME"
)

// settings are the command line and the environment.
type settings struct {
	metricsAddress, probeAddress string
	// namespace is watched, and holds the lease.
	namespace    string
	operatorName string
	zap          zap.Options
}

func main() {
	var s settings
	flag.StringVar(&s.metricsAddress, "metrics-addr", "0.0.0.0:8383", "Address of the metrics endpoint; 0 switches it off.")
	flag.StringVar(&s.probeAddress, "health-probe-addr", "0.0.0.0:8081", "Address of healthz and readyz.")
	s.zap.BindFlags(flag.CommandLine)
	flag.Parse()
	log := zap.New(zap.UseFlagOptions(&s.zap))
	if pod := os.Getenv(podNameVariable); pod != "" {
		log = log.WithValues("pod", pod)
	}
	ctrl.SetLogger(log)
	// Nothing may follow run: the lease is released when the manager ends, so the process must end too.
	if err := run(ctrl.SetupSignalHandler(), s); err != nil {
		ctrl.Log.WithName("cmd").Error(err, "The operator ends")
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if err := s.readEnvironment(); err != nil {
		return err
	}
	defect, err := defects.FromEnvironment()
	if err != nil {
		return err
	}
	if defect != defects.None {
		ctrl.Log.WithName("cmd").Info("This is a faulty twin", "defect", defect)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	mgr, err := ctrl.NewManager(config, s.managerOptions())
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	if err := controller.AddToManager(mgr, defect); err != nil {
		return fmt.Errorf("adding the controllers: %w", err)
	}
	if err := addProbes(mgr); err != nil {
		return fmt.Errorf("setting up the probes: %w", err)
	}
	return mgr.Start(ctx)
}

// readEnvironment wants a namespace: the Role of this operator allows nothing beyond one.
func (s *settings) readEnvironment() error {
	if s.namespace = os.Getenv(watchNamespaceVariable); s.namespace == "" {
		return errors.New(watchNamespaceVariable + " must be set to the namespace that is watched")
	}
	if s.operatorName = os.Getenv(operatorNameVariable); s.operatorName == "" {
		return errors.New(operatorNameVariable + " must be set; the lease is named after it")
	}
	return nil
}

func (s *settings) managerOptions() ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apis.AddToScheme(scheme))
	return ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform:  cache.TransformStripManagedFields(),
			DefaultNamespaces: map[string]cache.Config{s.namespace: {}},
		},
		Metrics:                       metricsserver.Options{BindAddress: s.metricsAddress},
		HealthProbeBindAddress:        s.probeAddress,
		LeaderElection:                true,
		LeaderElectionID:              s.operatorName + "-lock",
		LeaderElectionNamespace:       s.namespace,
		LeaderElectionReleaseOnCancel: true,
	}
}

// addProbes makes the operator alive once it runs, and ready once its caches have synced. That
// doesn't wait for leadership: otherwise a new pod would never replace an old one.
func addProbes(mgr ctrl.Manager) error {
	caches := &cacheProbe{cache: mgr.GetCache()}
	if err := mgr.Add(caches); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("caches", caches.check); err != nil {
		return err
	}
	return mgr.AddHealthzCheck("ping", healthz.Ping)
}

// cacheProbe knows when the caches of all watched kinds have synced.
type cacheProbe struct {
	cache  cache.Cache
	synced atomic.Bool
}

var _ manager.LeaderElectionRunnable = (*cacheProbe)(nil)

// Start fills the caches, also those of a replica that isn't the leader.
func (p *cacheProbe) Start(ctx context.Context) error {
	for _, kind := range imoocpod.WatchedKinds() {
		if _, err := p.cache.GetInformer(ctx, kind); err != nil { // It returns when the cache has synced.
			return fmt.Errorf("filling the cache of %T: %w", kind, err)
		}
	}
	p.synced.Store(true)
	return nil
}

// NeedLeaderElection says that Start doesn't wait until this replica is the leader.
func (p *cacheProbe) NeedLeaderElection() bool { return false }

func (p *cacheProbe) check(*http.Request) error {
	if !p.synced.Load() {
		return errors.New("caches have not synced yet")
	}
	return nil
}
