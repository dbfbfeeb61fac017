// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	appsv1 "operator-harness.example/application/api/v1"
)

// hashLength is the number of hexadecimal digits that tell shortened names apart.
const hashLength = 10

var notInLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// childName names the Deployment, the Service and the Ingress. An Application may have any DNS
// subdomain of up to 253 characters as its name, but a Service only a DNS-1035 label of up to 63:
// a name that doesn't fit is made to, with a hash of the whole so that it stays unique.
func childName(application *appsv1.Application) string {
	name := application.Name
	if len(validation.IsDNS1035Label(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	fitting := "app-" + notInLabel.ReplaceAllString(name, "-")
	if limit := validation.DNS1035LabelMaxLength - hashLength - 1; len(fitting) > limit {
		fitting = fitting[:limit]
	}
	return strings.TrimRight(fitting, "-") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}
