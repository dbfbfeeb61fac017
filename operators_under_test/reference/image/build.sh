#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the operator's image without any image to begin from: Debian's Python, kopf, and the
# operator. Run in the operator's folder; leaves bin/image.tar, as `docker save` writes it.
# Needs: mmdebstrap, uv or Python's pip, a Docker engine. HARNESS_DEBIAN_MIRROR names another mirror.
set -euo pipefail
image=example.com/noteboard-operator:v0.1.0
suite=bookworm # whose Python is 3.11
archive=bin/image.tar
work=bin/image

inputs=$(find noteboard image -type f -name '*.py' -o -path image/build.sh -o -path image/requirements.txt | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
if [ -f "$archive" ] && [ "$(cat "$work/inputs" 2>/dev/null)" = "$inputs" ]; then
  exit 0
fi

mkdir -p "$work"
if [ ! -f "$work/root.tar" ]; then
  echo "The file system, of Debian packages"
  mmdebstrap --quiet --variant=extract --include=python3,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$suite" "$work/root.part.tar" ${HARNESS_DEBIAN_MIRROR:+"$HARNESS_DEBIAN_MIRROR"}
  mv "$work/root.part.tar" "$work/root.tar"
fi

echo "kopf, and what it needs"
rm -rf "$work/app"
pip=(python3 -m pip install --disable-pip-version-check --no-compile)
if command -v uv >/dev/null; then pip=(uv pip install); fi
"${pip[@]}" --quiet --target "$work/app" --python-version 3.11 --only-binary=:all: -r image/requirements.txt
cp -R noteboard "$work/app/"
find "$work/app" -name __pycache__ -prune -exec rm -rf {} +

echo "The image"
cp "$work/root.tar" "$work/whole.tar"
tar --append --file "$work/whole.tar" --owner 0 --group 0 --sort=name --mtime=@0 \
  --transform 's#^\.#./app#' -C "$work/app" .
timeout 120 docker import --change 'WORKDIR /app' --change 'USER 65532:65532' \
  --change 'ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1' \
  --change 'ENTRYPOINT ["python3", "-m", "kopf"]' "$work/whole.tar" "$image" >/dev/null
rm "$work/whole.tar"
timeout 120 docker save --output "$archive" "$image"
timeout 60 docker rmi "$image" >/dev/null
echo "$inputs" >"$work/inputs"
