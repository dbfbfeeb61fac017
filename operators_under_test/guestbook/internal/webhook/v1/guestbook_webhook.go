// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the admission webhooks of Guestbooks.
package v1

import (
	"context"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	webappv1 "operator-harness.example/guestbook/api/v1"
	"operator-harness.example/guestbook/internal/defects"
)

// forbiddenWord may not be in a message.
const forbiddenWord = "forbidden"

// SetupGuestbookWebhookWithManager registers both webhooks.
func SetupGuestbookWebhookWithManager(mgr ctrl.Manager, defect defects.Name) error {
	var options []admission.DefaulterOption
	if defect == defects.DropsUnknownFields {
		options = append(options, admission.DefaulterRemoveUnknownOrOmitableFields)
	}
	return ctrl.NewWebhookManagedBy(mgr, &webappv1.Guestbook{}).
		WithDefaulter(&GuestbookDefaulter{Client: mgr.GetClient(), Defect: defect}, options...).
		WithValidator(&GuestbookValidator{}).
		Complete()
}

// Only the resource itself is named, not its subresources: status and scale never come here.
// +kubebuilder:webhook:path=/mutate-webapp-tutorial-kubebuilder-io-v1-guestbook,mutating=true,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=None,timeoutSeconds=5,reinvocationPolicy=Never,groups=webapp.tutorial.kubebuilder.io,resources=guestbooks,verbs=create;update,versions=v1,name=mguestbook-v1.kb.io,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-webapp-tutorial-kubebuilder-io-v1-guestbook,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=None,timeoutSeconds=5,groups=webapp.tutorial.kubebuilder.io,resources=guestbooks,verbs=create;update,versions=v1,name=vguestbook-v1.kb.io,admissionReviewVersions=v1

// GuestbookDefaulter fills what the schema's defaults can't.
type GuestbookDefaulter struct {
	// Client is only used by a faulty twin: a webhook that writes has side effects.
	Client client.Client
	// Defect is the fault of a faulty twin, none in the healthy operator.
	Defect defects.Name
}

// Default replaces a blank message. Applied to its own result it changes nothing.
func (d *GuestbookDefaulter) Default(ctx context.Context, guestbook *webappv1.Guestbook) error {
	if d.Defect != defects.None {
		if err := d.misbehave(ctx, guestbook); err != nil {
			return err
		}
	}
	if guestbook.DeletionTimestamp.IsZero() && strings.TrimSpace(guestbook.Spec.Message) == "" {
		guestbook.Spec.Message = webappv1.DefaultMessage
	}
	return nil
}

// misbehave does what the twin's defect is.
func (d *GuestbookDefaulter) misbehave(ctx context.Context, guestbook *webappv1.Guestbook) error {
	request, err := admission.RequestFromContext(ctx)
	if err != nil {
		return err
	}
	const largest, defaultPort, otherPort = 10, 80, 8080
	spec := &guestbook.Spec
	switch d.Defect {
	case defects.ClampsSizes:
		spec.Size = min(spec.Size, largest)
	case defects.OverridesADefault:
		if spec.Port == defaultPort {
			spec.Port = otherPort
		}
	case defects.AppendsToMessages:
		if request.Operation == admissionv1.Create {
			spec.Message += "!"
		}
	case defects.WritesOnDryRuns:
		return d.Client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: request.Namespace, GenerateName: "webhook-call-",
		}})
	}
	return nil
}

// GuestbookValidator rejects what the schema can't.
type GuestbookValidator struct{}

// ValidateCreate looks at the whole spec.
func (*GuestbookValidator) ValidateCreate(_ context.Context, guestbook *webappv1.Guestbook) (admission.Warnings, error) {
	return nil, validate(nil, guestbook)
}

// ValidateUpdate looks at what changes, so that an object from before a rule can still be changed
// elsewhere, and loses its finalizers.
func (*GuestbookValidator) ValidateUpdate(_ context.Context, old, guestbook *webappv1.Guestbook) (admission.Warnings, error) {
	if !guestbook.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	return nil, validate(old, guestbook)
}

// ValidateDelete allows all; the webhook isn't registered for it.
func (*GuestbookValidator) ValidateDelete(context.Context, *webappv1.Guestbook) (admission.Warnings, error) {
	return nil, nil
}

func validate(old, guestbook *webappv1.Guestbook) error {
	var faults field.ErrorList
	spec := field.NewPath("spec")
	message, image := guestbook.Spec.Message, guestbook.Spec.Image
	if old == nil || old.Spec.Message != message {
		if strings.Contains(strings.ToLower(message), forbiddenWord) {
			faults = append(faults, field.Invalid(spec.Child("message"), message,
				`must not contain the word "`+forbiddenWord+`"`))
		}
	}
	if old == nil || old.Spec.Image != image {
		if !isPinned(image) {
			faults = append(faults, field.Invalid(spec.Child("image"), image,
				`must name a digest, or a tag other than "latest"`))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	kind := webappv1.GroupVersion.WithKind("Guestbook").GroupKind()
	return apierrors.NewInvalid(kind, guestbook.Name, faults)
}

// isPinned says whether an image reference names a digest or a tag other than latest. A colon
// before the last slash belongs to the registry's port.
func isPinned(image string) bool {
	if strings.Contains(image, "@") {
		return true
	}
	_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tagged && tag != "" && tag != "latest"
}
