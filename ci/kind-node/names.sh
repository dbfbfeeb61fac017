# shellcheck shell=bash disable=SC2034 # read by those who source it
# Versions and names of the node image. Those of Kubernetes and etcd are the local control plane's.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pinned() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$project/harness/assets/versions.py"; }
required() { sed -n "s#^require $2 v##p" "$project/ci/kind-node/$1/go.mod"; }
kubernetes=$(pinned KUBERNETES)
etcd=$(pinned ETCD)
coredns=$(required coredns github.com/coredns/coredns)
provisioner=$(required kubernetes github.com/rancher/local-path-provisioner)
domain=operator-harness.example # reserved for examples: nobody can serve another image of that name
label=$domain.kind-node
provisioner_image=$domain/local-path-provisioner:v$provisioner
busybox_image=$domain/busybox:1
