#!/usr/bin/env bash
# Locks the requirements anew, without the address of any package index. usage: ci/steps/lock.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=$(ls -d "${XDG_CACHE_HOME:-$HOME/.cache}"/harness/uv-*/bin/uv 2>/dev/null | tail -n 1 || command -v uv)
compile=("$uv" pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-header --quiet)
"${compile[@]}" -o ci/requirements/run.txt
"${compile[@]}" --group dev --extra reference -o ci/requirements/dev.txt
