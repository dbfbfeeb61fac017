// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the admission webhooks of Applications.
package v1

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	appsv1 "operator-harness.example/application/api/v1"
)

// SetupApplicationWebhookWithManager registers both webhooks.
func SetupApplicationWebhookWithManager(mgr ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(mgr, &appsv1.Application{}).
		WithDefaulter(&ApplicationDefaulter{}).
		WithValidator(&ApplicationValidator{}).
		Complete()
}

// Only the resource itself is named, not its subresources: status and scale never come here.
// +kubebuilder:webhook:path=/mutate-apps-example-org-v1-application,mutating=true,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=None,timeoutSeconds=5,reinvocationPolicy=Never,groups=apps.example.org,resources=applications,verbs=create;update,versions=v1,name=mapplication-v1.kb.io,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-apps-example-org-v1-application,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=None,timeoutSeconds=5,groups=apps.example.org,resources=applications,verbs=create;update,versions=v1,name=vapplication-v1.kb.io,admissionReviewVersions=v1

// ApplicationDefaulter fills what the schema's defaults can't.
type ApplicationDefaulter struct{}

// Default gives the Service the application's port and the Ingress the root path, and writes the
// host in lower case. Applied to its own result it changes nothing.
func (*ApplicationDefaulter) Default(_ context.Context, application *appsv1.Application) error {
	spec := &application.Spec
	if !application.DeletionTimestamp.IsZero() {
		return nil
	}
	if spec.Service.Port == 0 {
		spec.Service.Port = spec.Port
	}
	if spec.Ingress != nil {
		spec.Ingress.Host = strings.ToLower(spec.Ingress.Host)
		if spec.Ingress.Path == "" {
			spec.Ingress.Path = "/"
		}
	}
	return nil
}

// ApplicationValidator rejects what the schema can't.
type ApplicationValidator struct{}

// ValidateCreate looks at the whole spec.
func (*ApplicationValidator) ValidateCreate(_ context.Context, application *appsv1.Application) (admission.Warnings, error) {
	return warn(application), validate(nil, application)
}

// ValidateUpdate looks at what changes, so that an object from before a rule can still be changed
// elsewhere, and loses its finalizers.
func (*ApplicationValidator) ValidateUpdate(_ context.Context, old, application *appsv1.Application) (admission.Warnings, error) {
	if !application.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	return warn(application), validate(old, application)
}

// ValidateDelete allows all; the webhook isn't registered for it.
func (*ApplicationValidator) ValidateDelete(context.Context, *appsv1.Application) (admission.Warnings, error) {
	return nil, nil
}

func warn(application *appsv1.Application) admission.Warnings {
	if replicas := application.Spec.Replicas; replicas != nil && *replicas == 0 && application.Spec.Ingress != nil {
		return admission.Warnings{"spec.replicas is 0: the Ingress leads to nothing"}
	}
	return nil
}

func validate(old, application *appsv1.Application) error {
	var faults field.ErrorList
	spec := field.NewPath("spec")
	wanted := application.Spec
	if old == nil || old.Spec.Image != wanted.Image {
		if !isPinned(wanted.Image) {
			faults = append(faults, field.Invalid(spec.Child("image"), wanted.Image,
				`must name a digest, or a tag other than "latest"`))
		}
	}
	if old == nil || !equality.Semantic.DeepEqual(old.Spec.Env, wanted.Env) {
		faults = append(faults, validateEnvironment(wanted.Env, spec.Child("env"))...)
	}
	if wanted.Ingress != nil && (old == nil || !equality.Semantic.DeepEqual(old.Spec.Ingress, wanted.Ingress)) {
		faults = append(faults, validateIngress(wanted.Ingress, spec.Child("ingress"))...)
	}
	if len(faults) == 0 {
		return nil
	}
	kind := appsv1.GroupVersion.WithKind("Application").GroupKind()
	return apierrors.NewInvalid(kind, application.Name, faults)
}

func validateEnvironment(variables []appsv1.EnvVar, at *field.Path) (faults field.ErrorList) {
	for i, variable := range variables {
		name := at.Index(i).Child("name")
		for _, fault := range validation.IsEnvVarName(variable.Name) {
			faults = append(faults, field.Invalid(name, variable.Name, fault))
		}
		if variable.Name == appsv1.PortVariable {
			faults = append(faults, field.Forbidden(name, "is set by the operator, from spec.port"))
		}
	}
	return faults
}

func validateIngress(ingress *appsv1.IngressSpec, at *field.Path) (faults field.ErrorList) {
	check := validation.IsDNS1123Subdomain
	if strings.HasPrefix(ingress.Host, "*") {
		check = validation.IsWildcardDNS1123Subdomain
	}
	for _, fault := range check(ingress.Host) {
		faults = append(faults, field.Invalid(at.Child("host"), ingress.Host, fault))
	}
	names := map[string]string{"tlsSecretName": ingress.TLSSecretName}
	if ingress.ClassName != nil {
		names["className"] = *ingress.ClassName
	}
	for key, name := range names {
		if name == "" {
			continue
		}
		for _, fault := range validation.IsDNS1123Subdomain(name) {
			faults = append(faults, field.Invalid(at.Child(key), name, fault))
		}
	}
	return faults
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
