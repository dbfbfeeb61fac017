// SPDX-License-Identifier: Apache-2.0

// The operator of Guestbooks.
package main

import (
	"context"
	"crypto/tls"
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
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	webappv1 "operator-harness.example/guestbook/api/v1"
	"operator-harness.example/guestbook/internal/controller"
	"operator-harness.example/guestbook/internal/defects"
	webhookv1 "operator-harness.example/guestbook/internal/webhook/v1"
)

// settings are the command line.
type settings struct {
	metricsAddress                                   string
	metricsSecure                                    bool
	metricsCertPath, metricsCertName, metricsCertKey string
	webhookHost                                      string
	webhookPort                                      int
	webhookCertPath, webhookCertName, webhookCertKey string
	probeAddress, pprofAddress                       string
	leaderElect, enableHTTP2                         bool
	concurrency                                      int
	zap                                              zap.Options
}

func parseFlags() settings {
	var s settings
	flag.StringVar(&s.metricsAddress, "metrics-bind-address", "0",
		"Address of the metrics endpoint, such as :8443; 0 switches it off.")
	flag.BoolVar(&s.metricsSecure, "metrics-secure", true,
		"Serve metrics by HTTPS, to those whom the API server authenticates and authorizes.")
	flag.StringVar(&s.metricsCertPath, "metrics-cert-path", "",
		"Folder of the metrics endpoint's certificate; without it a self-signed one is made.")
	flag.StringVar(&s.metricsCertName, "metrics-cert-name", "tls.crt", "File name of that certificate.")
	flag.StringVar(&s.metricsCertKey, "metrics-cert-key", "tls.key", "File name of its key.")
	flag.StringVar(&s.webhookHost, "webhook-host", "", "Address of the webhook server; empty means all.")
	flag.IntVar(&s.webhookPort, "webhook-port", 9443, "Port of the webhook server.")
	flag.StringVar(&s.webhookCertPath, "webhook-cert-path", "/tmp/k8s-webhook-server/serving-certs",
		"Folder of the webhook server's certificate.")
	flag.StringVar(&s.webhookCertName, "webhook-cert-name", "tls.crt", "File name of that certificate.")
	flag.StringVar(&s.webhookCertKey, "webhook-cert-key", "tls.key", "File name of its key.")
	flag.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081", "Address of healthz and readyz.")
	flag.StringVar(&s.pprofAddress, "pprof-bind-address", "0",
		"Address of the profiler, such as 127.0.0.1:8082; 0 switches it off.")
	flag.BoolVar(&s.leaderElect, "leader-elect", false, "Let one replica at a time reconcile.")
	flag.BoolVar(&s.enableHTTP2, "enable-http2", false, "Allow HTTP/2 for metrics and webhooks.")
	flag.IntVar(&s.concurrency, "max-concurrent-reconciles", 4, "Guestbooks that are reconciled at a time.")
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
	mgr, err := ctrl.NewManager(config, managerOptions(s))
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	reconciler := &controller.GuestbookReconciler{
		Client:    client.WithFieldOwner(mgr.GetClient(), controller.ManagedBy),
		APIReader: mgr.GetAPIReader(),
		Scheme:    mgr.GetScheme(),
		Recorder:  mgr.GetEventRecorder("guestbook-controller"),
		Defect:    defect,
	}
	if err := reconciler.SetupWithManager(mgr, s.concurrency); err != nil {
		return fmt.Errorf("setting up the controller: %w", err)
	}
	webhooks := os.Getenv("ENABLE_WEBHOOKS") != "false"
	if webhooks {
		if err := webhookv1.SetupGuestbookWebhookWithManager(mgr, defect); err != nil {
			return fmt.Errorf("setting up the webhooks: %w", err)
		}
	}
	if err := addProbes(mgr, webhooks); err != nil {
		return fmt.Errorf("setting up the probes: %w", err)
	}
	return mgr.Start(ctx)
}

func managerOptions(s settings) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(webappv1.AddToScheme(scheme))

	var tlsOptions []func(*tls.Config)
	if !s.enableHTTP2 {
		tlsOptions = append(tlsOptions, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })
	}
	metrics := metricsserver.Options{
		BindAddress:   s.metricsAddress,
		SecureServing: s.metricsSecure,
		TLSOpts:       tlsOptions,
	}
	if s.metricsSecure {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	if s.metricsCertPath != "" {
		metrics.CertDir, metrics.CertName, metrics.KeyName = s.metricsCertPath, s.metricsCertName, s.metricsCertKey
	}
	return ctrl.Options{
		Scheme:  scheme,
		Cache:   controller.CacheOptions(),
		Metrics: metrics,
		WebhookServer: webhook.NewServer(webhook.Options{
			Host: s.webhookHost, Port: s.webhookPort, TLSOpts: tlsOptions,
			CertDir: s.webhookCertPath, CertName: s.webhookCertName, KeyName: s.webhookCertKey,
		}),
		HealthProbeBindAddress:        s.probeAddress,
		PprofBindAddress:              s.pprofAddress,
		LeaderElection:                s.leaderElect,
		LeaderElectionID:              "guestbook.webapp.tutorial.kubebuilder.io",
		LeaderElectionReleaseOnCancel: true,
	}
}

// addProbes makes the operator alive once it runs, and ready once its caches have synced and its
// webhooks answer. That doesn't wait for leadership: webhooks are served by each replica.
func addProbes(mgr ctrl.Manager, webhooks bool) error {
	caches := &cacheProbe{cache: mgr.GetCache()}
	if err := mgr.Add(caches); err != nil {
		return err
	}
	checks := map[string]healthz.Checker{"caches": caches.check}
	if webhooks {
		checks["webhook"] = mgr.GetWebhookServer().StartedChecker()
	}
	for name, check := range checks {
		if err := mgr.AddReadyzCheck(name, check); err != nil {
			return err
		}
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
	for _, kind := range controller.WatchedKinds() {
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
