// SPDX-License-Identifier: Apache-2.0

// The synthetic operator: so many workers, a fixed service time, faults that can be switched on, and
// a raw log of what it did, against which measurements can be held.
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
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	v1 "operator-harness.example/synthetic/api/v1"
	"operator-harness.example/synthetic/internal/controller"
	"operator-harness.example/synthetic/internal/faults"
	"operator-harness.example/synthetic/internal/queue"
	"operator-harness.example/synthetic/internal/rawlog"
	"operator-harness.example/synthetic/internal/settings"
	taskwebhook "operator-harness.example/synthetic/internal/webhook"
)

// addresses are the command line; what the operator is like comes from the environment.
type addresses struct {
	metrics, probes, pprof, certPath string
	metricsSecure                    bool
	webhookPort                      int
}

func main() {
	var a addresses
	flag.StringVar(&a.metrics, "metrics-bind-address", "0", "Address of the metrics endpoint; 0 switches it off.")
	flag.BoolVar(&a.metricsSecure, "metrics-secure", true, "Serve metrics by HTTPS, to those who may read them.")
	flag.StringVar(&a.probes, "health-probe-bind-address", ":8081", "Address of healthz and readyz.")
	flag.StringVar(&a.pprof, "pprof-bind-address", "0", "Address of the profiler; 0 switches it off.")
	flag.IntVar(&a.webhookPort, "webhook-port", 9443, "Port of the webhook server; 0 switches it off.")
	flag.StringVar(&a.certPath, "webhook-cert-path", "/tmp/k8s-webhook-server/serving-certs",
		"Folder of the webhook server's certificate.")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	if err := run(ctrl.SetupSignalHandler(), a); err != nil {
		ctrl.Log.WithName("setup").Error(err, "The operator ends")
		os.Exit(1)
	}
}

func run(ctx context.Context, a addresses) error {
	is, err := settings.FromEnvironment()
	if err != nil {
		return err
	}
	ctrl.Log.WithName("setup").Info("This is what it is like", "settings", fmt.Sprintf("%+v", is))
	log, err := rawlog.Open(is.Log)
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	if is.ClientQPS > 0 {
		config.QPS, config.Burst = float32(is.ClientQPS), max(is.ClientBurst, 1)
	}
	if is.KeepToken {
		config.BearerTokenFile = "" // The token itself was read already.
	}
	if is.ClientMetrics {
		metrics.RegisterRESTClientMetrics(
			metrics.MetricRequestSize, metrics.MetricResponseSize, metrics.MetricRateLimiterLatency)
	}
	mgr, err := ctrl.NewManager(config, options(a))
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	if err := add(mgr, is, log, a.webhookPort != 0); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	return errors.Join(mgr.Start(ctx), log.Flush())
}

func options(a addresses) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1.AddToScheme(scheme))
	served := metricsserver.Options{BindAddress: a.metrics, SecureServing: a.metricsSecure}
	if a.metricsSecure {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	found := ctrl.Options{
		Scheme:                 scheme,
		Metrics:                served,
		HealthProbeBindAddress: a.probes,
		PprofBindAddress:       a.pprof,
	}
	if a.webhookPort != 0 {
		found.WebhookServer = webhook.NewServer(webhook.Options{Port: a.webhookPort, CertDir: a.certPath})
	}
	return found
}

func add(mgr ctrl.Manager, is settings.Settings, log *rawlog.Log, webhooks bool) error {
	stop := &faults.Stop{Duration: is.Stop}
	reconciler := &controller.Reconciler{
		Client:   client.WithFieldOwner(mgr.GetClient(), "synthetic"),
		Server:   mgr.GetAPIReader(),
		Settings: is,
		Stamps:   queue.NewStamps(log),
		Leaks:    faults.NewLeaks(is),
		Stop:     stop,
	}
	errs := []error{mgr.Add(log), mgr.Add(stop), reconciler.SetupWithManager(mgr)}
	if is.LeakWatch {
		errs = append(errs, mgr.Add(&faults.WatchLeak{Config: mgr.GetConfig()}))
	}
	caches := &cacheProbe{cache: mgr.GetCache()}
	errs = append(errs,
		mgr.Add(caches),
		mgr.AddReadyzCheck("caches", caches.check),
		mgr.AddHealthzCheck("ping", healthz.Ping),
	)
	if webhooks {
		validator := &taskwebhook.Validator{Delay: is.WebhookDelay}
		errs = append(errs,
			validator.SetupWithManager(mgr),
			mgr.AddReadyzCheck("webhook", mgr.GetWebhookServer().StartedChecker()),
		)
	}
	return errors.Join(errs...)
}

// cacheProbe knows when the cache of Tasks has synced.
type cacheProbe struct {
	cache  cache.Cache
	synced atomic.Bool
}

// Start fills the cache.
func (p *cacheProbe) Start(ctx context.Context) error {
	if _, err := p.cache.GetInformer(ctx, &v1.Task{}); err != nil { // It returns when the cache has synced.
		return fmt.Errorf("filling the cache: %w", err)
	}
	p.synced.Store(true)
	return nil
}

func (p *cacheProbe) check(*http.Request) error {
	if !p.synced.Load() {
		return errors.New("the cache has not synced yet")
	}
	return nil
}
