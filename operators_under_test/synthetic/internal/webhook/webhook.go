// SPDX-License-Identifier: Apache-2.0

// Package webhook validates Tasks, slowly where that is asked for.
package webhook

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	v1 "operator-harness.example/synthetic/api/v1"
	"operator-harness.example/synthetic/internal/monotonic"
)

// Validator allows everything after a delay.
type Validator struct {
	Delay time.Duration
}

// SetupWithManager registers the webhook.
func (w *Validator) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(mgr, &v1.Task{}).WithValidator(w).Complete()
}

// ValidateCreate waits.
func (w *Validator) ValidateCreate(ctx context.Context, _ *v1.Task) (admission.Warnings, error) {
	return nil, monotonic.Sleep(ctx, w.Delay)
}

// ValidateUpdate waits.
func (w *Validator) ValidateUpdate(ctx context.Context, _, _ *v1.Task) (admission.Warnings, error) {
	return nil, monotonic.Sleep(ctx, w.Delay)
}

// ValidateDelete isn't registered.
func (w *Validator) ValidateDelete(context.Context, *v1.Task) (admission.Warnings, error) {
	return nil, nil
}
