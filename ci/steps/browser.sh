#!/usr/bin/env bash
# Sees to Chromium and its driver, which the tests of the report need; a run of the harness doesn't.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  printf 'browser: missing: %s. The tests of the report need them; as root, on Debian: apt-get install %s\n' \
    "${missing[*]}" "${missing[*]}" >&2
  exit 3
fi

echo "browser: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }; then
  printf 'browser: %s could not be installed. Check the network and the package sources and try again.\n' "${missing[*]}" >&2
  exit 3
fi
