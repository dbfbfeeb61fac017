// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	webappv1 "operator-harness.example/guestbook/api/v1"
)

const (
	webSuffix  = "-web"
	pageSuffix = "-page"

	// directoryPrefix starts the name of a directory entry; the Guestbook's UID ends it.
	directoryPrefix = "guestbook-directory-"

	// maxStem leaves room for a suffix within the 63 characters of a Service's name.
	maxStem = 52
	// hashLength is the number of hexadecimal digits that tell shortened names apart.
	hashLength = 10
)

var notInLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// stem is what the names of a Guestbook's children begin with. A Guestbook may have any DNS
// subdomain of up to 253 characters as its name, but a Service only a DNS-1035 label of up to 63:
// a name that doesn't fit is made to, with a hash of the whole so that it stays unique.
func stem(name string) string {
	if len(name) <= maxStem && len(validation.IsDNS1035Label(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	fitting := "gb-" + notInLabel.ReplaceAllString(name, "-")
	if limit := maxStem - hashLength - 1; len(fitting) > limit {
		fitting = fitting[:limit]
	}
	return strings.TrimRight(fitting, "-") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

// webName names the Deployment and the Service.
func webName(guestbook *webappv1.Guestbook) string { return stem(guestbook.Name) + webSuffix }

// pageName names the ConfigMap with the guestbook's page.
func pageName(guestbook *webappv1.Guestbook) string { return stem(guestbook.Name) + pageSuffix }

// directoryName names the directory entry. It holds the UID, so that the entry of a Guestbook is
// never taken for that of another which had the same name before.
func directoryName(guestbook *webappv1.Guestbook) string {
	return directoryPrefix + string(guestbook.UID)
}
