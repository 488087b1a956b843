#!/usr/bin/env bash
# Makes .venv with Ondol in it (editable), and installs by apt what the system lacks where that is permitted.
# Usage: tools/set_up.sh run|test
# environment: PYTHON, the interpreter to use (a command or a path); CONTAINERS=no, to leave out what containers need
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-run}" in
  run) extras=demo stamps=(.venv/.ready) ;;
  test) extras=demo,test stamps=(.venv/.ready .venv/.ready-test) ;;
  *) echo "usage: tools/set_up.sh run|test" >&2; exit 2 ;;
esac

say() { printf 'set up: %s\n' "$*"; }
fail() { printf 'set up: %s\n' "$@" >&2; exit 1; }

# Asked by running it: a pyenv shim stands on the path also where its version is not chosen.
fits() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
# Debian and Ubuntu keep ensurepip, without which a venv has no pip, in a package of its own.
makes_venv() { "$1" -c 'import ensurepip, venv; ensurepip.version()' >/dev/null 2>&1; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# The first that fits and makes a venv; else the first that fits; else nothing.
find_python() {
  local name candidates=(python3.13 python3.12 python3.11 python3)
  [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
  for name in "${candidates[@]}"; do if fits "$name" && makes_venv "$name"; then echo "$name"; return; fi; done
  for name in "${candidates[@]}"; do if fits "$name"; then echo "$name"; return; fi; done
}

# Debian keeps the server's programs off the path.
has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# A machine without a network is told so by apt within seconds, not after its retries.
IMPATIENT=(-o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 -o DPkg::Lock::Timeout=60)

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
  local log
  log=$(mktemp)
  say "installing $* by apt"
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${IMPATIENT[@]}" "$@" \
    </dev/null >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    say "apt could not install $*"
  fi
  rm -f "$log"
}

# What jobs in containers need, where this machine could run any: root, and control groups that can be written.
# catatonit is their first process, slirp4netns their network; tests make their images of busybox.
container_packages() {
  local command
  if [ "${CONTAINERS:-}" = no ] || [ ! -w /sys/fs/cgroup ]; then return; fi
  for command in podman runc slirp4netns catatonit; do command -v "$command" >/dev/null || echo "$command"; done
  if [ "$1" = test ] && ! command -v busybox >/dev/null; then echo busybox-static; fi
}

system_packages() {
  local python version package wanted=()
  python=$(find_python)
  command -v bwrap >/dev/null || wanted+=(bubblewrap)
  if [ "$1" = test ] && ! has_postgres; then wanted+=(postgresql); fi
  # The broker that houses have; `ondol sim-site --broker own` starts one, too.
  if [ "$1" = test ] && ! command -v mosquitto >/dev/null && [ ! -x /usr/sbin/mosquitto ]; then wanted+=(mosquitto); fi
  # The peer simulator of tests/benchmarks/peers; its tests are skipped where nobody may install it.
  if [ "$1" = test ] && may_install; then
    [ -e /usr/include/simgrid/actor.h ] || wanted+=(libsimgrid-dev)
    command -v g++ >/dev/null || wanted+=(g++)
  fi
  if [ -n "$python" ] && ! makes_venv "$python"; then wanted+=("python$(version_of "$python")-venv"); fi
  if may_install; then for package in $(container_packages "$1"); do wanted+=("$package"); done; fi
  if [ -n "$python" ] && [ ${#wanted[@]} = 0 ]; then return; fi
  if ! may_install; then
    if [[ " ${wanted[*]} " == *" bubblewrap "* ]]; then
      say "bubblewrap is not here: jobs will be plain processes of your user, without a sandbox."
      say "Better: sudo apt-get install bubblewrap"
    fi
    if [[ " ${wanted[*]} " == *" postgresql "* ]]; then
      say "PostgreSQL is not here: its tests are skipped. For them: sudo apt-get install postgresql"
    fi
    if [[ " ${wanted[*]} " == *" mosquitto "* ]]; then
      say "Mosquitto is not here: its tests are skipped. For them: sudo apt-get install mosquitto"
    fi
    return
  fi
  apt-get update -qq "${IMPATIENT[@]}" </dev/null >/dev/null 2>&1 ||
    say "apt-get update failed; going on with the lists that are here"
  if [ -z "$python" ] && [ -z "${PYTHON:-}" ]; then
    for version in 3 3.13 3.12 3.11; do
      if [ "$version" = 3 ] && ! apt-cache policy python3 | grep -qE 'Candidate: 3\.(1[1-9]|[2-9][0-9])'; then continue; fi
      apt-cache show "python$version-venv" >/dev/null 2>&1 || continue
      wanted+=("python$version" "python$version-venv")
      break
    done
  fi
  # One by one: that one is not to be had shall not keep the others away.
  for package in "${wanted[@]}"; do apt_install "$package"; done
}

make_venv() {
  local python
  if fits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
  python=$(find_python)
  if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then fail "PYTHON=$PYTHON is not a Python 3.11 or later that runs here."; fi
  [ -n "$python" ] || fail "Python 3.11 or later is needed and none was found." \
    "Debian 12, Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv" \
    "If it is installed elsewhere: make setup PYTHON=/path/to/python3"
  makes_venv "$python" || fail "$python cannot make virtual environments: its ensurepip is missing." \
    "Debian and Ubuntu: sudo apt-get install python$(version_of "$python")-venv"
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv
}

install() {
  local log=.venv/pip.log
  say "installing Ondol and what it builds on into .venv; the first time this takes about a minute"
  # Into a file: registries and their mirrors have much to say that is of use only where it fails.
  if ! .venv/bin/python -m pip install --no-input --disable-pip-version-check --progress-bar off \
    -c constraints.txt -e ".[$extras]" </dev/null >"$log" 2>&1; then
    tail -n 12 "$log" >&2
    fail "pip could not install; the whole story is in $log." \
      "Without a network: run this once where there is one. Behind a proxy: set HTTPS_PROXY."
  fi
}

system_packages "${1:-run}"
make_venv
install
touch "${stamps[@]}"
say "ready ($(.venv/bin/python --version))"
