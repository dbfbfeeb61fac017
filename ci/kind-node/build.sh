#!/usr/bin/env bash
# Builds the node image from Go modules and Debian packages. Called by ci/steps/kind-node.sh, which
# says the names; usage: build.sh IMAGE INPUTS WORK
#   IMAGE    the reference that the image gets
#   INPUTS   the hash of what it is made from; kept as a label
#   WORK     a folder for work in progress; a build that was stopped goes on with what is there
# Needs: Go, mmdebstrap, a Docker engine, .venv. No image registry.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1 inputs=$2 work=$3
project=$here/../..
# shellcheck source=ci/kind-node/names.sh
source "$here/names.sh"
suite=bookworm # its systemd still takes a host with cgroup v1
packages=systemd,systemd-sysv,dbus,util-linux,mount,kmod,procps,hostname,jq,ca-certificates
packages+=,iptables,nftables,ebtables,conntrack,iproute2,ethtool,socat,libseccomp2,e2fsprogs,pigz
packages+=,containerd,runc,containernetworking-plugins,busybox
# what kube-proxy calls: iptables in both ways, with its extensions
kube_proxy_needs='/usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/lib/*/xtables/*.so'
kube_proxy_needs+=' /usr/sbin/nft /usr/sbin/conntrack /usr/bin/kmod /usr/bin/busybox'

say() { printf 'kind-node: %4d s  %s\n' "$SECONDS" "$*" >&2; }
stop_with() {
  say "$*"
  exit 3
}

build_go() { # folder of the module, name of the binary, package, flags of the linker
  [ -x "$work/bin/$2" ] && return
  say "building $2 from its Go module"
  (cd "$here/$1" && CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=readonly \
    go build -trimpath -buildvcs=false -ldflags "-s -w $4" -o "$work/bin/.$2" "$3" && mv "$work/bin/.$2" "$work/bin/$2") >&2 ||
    stop_with "$2 can't be built from its Go module (Go's output is above). Check the network and GOPROXY and try again."
}

build_binaries() {
  local stamps='' place minor
  minor=$(cut -d. -f2 <<<"$kubernetes")
  for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    stamps+=" -X $place.gitVersion=v$kubernetes -X $place.gitMajor=1 -X $place.gitMinor=$minor"
    stamps+=" -X $place.gitTreeState=clean"
  done
  say "the control plane's binaries"
  env -u KUBEBUILDER_ASSETS "$project/.venv/bin/python" "$here/control_plane.py" "$kubernetes" "$work/bin" ||
    stop_with "the control plane's binaries can't be had (the reason is above)."
  local command
  for command in kubeadm kubelet kube-proxy; do # after the control plane: most is compiled by then
    build_go kubernetes "$command" "k8s.io/kubernetes/cmd/$command" "$stamps"
  done
  build_go coredns coredns . ''
  build_go kubernetes local-path-provisioner github.com/rancher/local-path-provisioner ''
  build_go pause pause . ''
}

write_names() { # what kubeadm asks for, and ours
  "$work/bin/kubeadm" config images list --kubernetes-version "v$kubernetes" >"$work/names" 2>"$work/kubeadm.log" ||
    stop_with "kubeadm doesn't say which images it needs: $(tail -n 1 "$work/kubeadm.log")"
  grep -q "/coredns:v$coredns\$" "$work/names" || stop_with "kubeadm wants another CoreDNS than v$coredns: $(grep coredns "$work/names")"
  grep -q "/etcd:$etcd-" "$work/names" || stop_with "kubeadm wants another etcd than $etcd: $(grep etcd "$work/names")"
  printf '%s\n' "$provisioner_image" "$busybox_image" >>"$work/names"
}

write_root() { # the node's file system, without the images in it
  local overlay=$work/root folder pause
  [ -f "$work/root.tar" ] && return
  rm -rf "$overlay"
  cp -R "$here/root" "$overlay"
  pause=$(grep '/pause:' "$work/names")
  sed -i "s#@PAUSE@#$pause#" "$overlay/etc/containerd/config.toml"
  sed -i "s#@BUSYBOX@#$busybox_image#g; s#@PROVISIONER@#$provisioner_image#" "$overlay/kind/manifests/default-storage.yaml"
  mkdir -p "$overlay/usr/bin"
  for folder in kubeadm kubelet kubectl; do cp -L "$work/bin/$folder" "$overlay/usr/bin/$folder"; done
  echo "v$kubernetes" >"$overlay/kind/version"
  cp "$project/LICENSE" "$overlay/kind/LICENSE"
  say "the file system, of Debian packages"
  # the hooks see the new root as $1; tar, so that folders that are links stay links
  # shellcheck disable=SC2016
  mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="tar -C '$overlay' --owner 0 --group 0 -c . | tar -C \"\$1\" --keep-directory-symlink -x" \
    --customize-hook='chroot "$1" bash -s <'"'$here/finish-root'" \
    --customize-hook='chroot "$1" bash -s -- /usr/bin/busybox <'"'$here/collect' >'$work/bin/busybox.tar'" \
    --customize-hook='chroot "$1" busybox --list'" >'$work/bin/busybox.applets'" \
    --customize-hook='chroot "$1" bash -c '"'bash -s -- $kube_proxy_needs' <'$here/collect' >'$work/bin/kube-proxy.tar'" \
    "$suite" "$work/root.part.tar" ${HARNESS_DEBIAN_MIRROR:+"$HARNESS_DEBIAN_MIRROR"} >"$work/mmdebstrap.log" 2>&1 || {
    tail -n 20 "$work/mmdebstrap.log" >&2
    stop_with "the Debian packages can't be put together (mmdebstrap's output is above). Check the network; HARNESS_DEBIAN_MIRROR names another mirror."
  }
  mv "$work/root.part.tar" "$work/root.tar"
}

write_image() {
  local base=$image-base name
  name=kind-node-build-$$
  if [ ! -f "$work/images.tar" ]; then
    say "the images in it"
    "$project/.venv/bin/python" "$here/images.py" --binaries "$work/bin" --names "$work/names" \
      --output "$work/images.part.tar"
    mv "$work/images.part.tar" "$work/images.tar"
  fi
  say "importing them into the node's containerd"
  timeout 60 docker ps -aq --filter name=kind-node-build- | xargs -r timeout 120 docker rm -fv >/dev/null # of a killed build
  # shellcheck disable=SC2064 # the names of now
  trap "timeout 60 docker rm -fv '$name' >/dev/null 2>&1; timeout 60 docker rmi '$base' >/dev/null 2>&1; timeout 60 docker volume rm '$name' >/dev/null 2>&1" EXIT
  timeout 900 docker import --change 'ENV container=docker' \
    --change "LABEL $label.inputs=$inputs $label.kubernetes=v$kubernetes $label.nodes=1 $label.busybox=$busybox_image" \
    "$work/root.tar" "$base" >/dev/null
  # /prebuilt is a volume, since overlayfs doesn't stack; what it holds can be moved. It has a name,
  # since one without would be declared by the image, too.
  # systemd ends on SIGRTMIN+3; the committed image keeps that of the container
  timeout 120 docker run -d --name "$name" --privileged --stop-signal SIGRTMIN+3 --network none \
    -v "$name:/prebuilt" --entrypoint sleep "$base" 3600 >/dev/null
  timeout 900 docker exec -i "$name" bash -s <"$here/fill-containerd" >&2 &
  local filling=$!
  until timeout 20 docker exec "$name" test -p /run/images; do
    kill -0 "$filling" 2>/dev/null || stop_with "containerd doesn't start in the new node (its output is above)."
    sleep 0.2
  done
  timeout 900 docker exec -i "$name" dd of=/run/images bs=1M status=none <"$work/images.tar"
  wait "$filling" || stop_with "the images can't be imported into the node's containerd (its output is above)."
  timeout 900 docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'CMD []' "$name" "$image" >/dev/null
}

command -v go >/dev/null || stop_with "there is no Go on PATH, which builds Kubernetes. Install Go and try again."
mkdir -p "$work/bin"
build_binaries
write_names
write_root
write_image
say "made $image"
