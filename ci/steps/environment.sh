#!/usr/bin/env bash
# Makes .venv from the locked requirements, by a uv that is pinned and checked by its hash.
# Needs Python 3.11 or newer and nothing else; does nothing when nothing changed.
# PYTHON names another interpreter than the first fit one on PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."

stop() { # one paragraph, then out
  printf 'environment: %s\n' "$*" >&2
  exit 3
}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    if command -v "$name" >/dev/null && fits "$name"; then
      command -v "$name"
      return
    fi
  done
  stop "there is no Python 3.11 or newer on PATH. Install one, or name it: PYTHON=/path/to/python3 make environment"
}

stamp_of_inputs() { # .venv holds absolute paths, so the place counts too
  {
    pwd
    cat ci/steps/environment.sh ci/requirements/uv.txt ci/requirements/dev.txt pyproject.toml
  } | sha256sum | cut -d' ' -f1
}

make_bootstrap() { # a virtual environment in $1 that holds uv alone; appears by one rename
  local draft=$1.draft.$$
  # shellcheck disable=SC2064 # the name of now
  trap "rm -rf '$draft'" EXIT
  mkdir -p "$(dirname "$1")" || stop "$(dirname "$1") can't be written. Set XDG_CACHE_HOME to a folder of your own."
  if ! "$python" -m venv "$draft" >/dev/null 2>&1; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
      stop "$python can't make virtual environments. Install its venv module (Debian: apt-get install python3-venv) and try again."
    fi
    echo "environment: installing python3-venv" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    rm -rf "$draft"
    "$python" -m venv "$draft"
  fi
  "$draft/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes -r ci/requirements/uv.txt ||
    stop "uv can't be installed. Check the network and pip's settings (PIP_INDEX_URL, HTTPS_PROXY) and try again."
  rm -rf "$1"
  # uv is one binary, which a move doesn't hurt; another checkout may have been faster
  mv -T "$draft" "$1" 2>/dev/null || "$1/bin/uv" --version >/dev/null
}

stamp=$(stamp_of_inputs)
is_current() { [ -x .venv/bin/python ] && [ -x .venv/bin/harness ] && [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ]; }
is_current && exit 0

exec 9<ci/steps/environment.sh # two at a time: the second waits, and finds it done
flock --timeout 900 9 || stop "another process has been making .venv for 15 minutes. End it and try again."
is_current && exit 0

python=$(find_python)
version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' ci/requirements/uv.txt)
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}
bootstrap=$cache/harness/uv-$version
uv=$bootstrap/bin/uv
export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_NO_PROGRESS=1

echo "environment: making .venv ($("$python" --version), uv $version)" >&2
"$uv" --version >/dev/null 2>&1 || make_bootstrap "$bootstrap"
if ! fits .venv/bin/python; then
  rm -rf .venv
  "$uv" venv --quiet --python "$python" .venv
fi
rm -f .venv/.stamp
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes ci/requirements/dev.txt
"$uv" pip install --quiet --python .venv/bin/python --no-deps -e .
printf '%s\n' "$stamp" >.venv/.stamp
