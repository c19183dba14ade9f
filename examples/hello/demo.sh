#!/usr/bin/env bash
# Shows cooper's main job on this app: a cold build, the same build again, and
# what is kept of them. Uses $COOPER (default: cooper in PATH), and keeps data
# root and images in $DEMO_CACHE, apart from the host's own.
set -euo pipefail

hello="$(dirname "$(readlink -f "$0")")"
cooper="${COOPER:-cooper}"
cache="${DEMO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cooper-demo}"
mkdir -p "$cache"

# Prints a command as a person would type it, then runs it.
show() {
  local word line='$ cooper'
  for word in "$@"; do
    [[ $word == *[^a-zA-Z0-9_./:=-]* ]] && word="'$word'"
    line+=" $word"
  done
  printf '\n%s\n' "$line"
  "$cooper" "$@"
}

# An image store of our own, with nothing but the base image: so the first build is cold.
use_store() {
  local driver="$1" store="$cache/$1"
  mkdir -p "$store"
  cat > "$store/storage.conf" <<CONF
[storage]
driver = "$driver"
graphroot = "$store/graph"
runroot = "$store/run"
CONF
  export CONTAINERS_STORAGE_CONF="$store/storage.conf"
  # What deletes names the store outright: it must never hang on a variable alone
  # whether the host's own images go.
  local this_store=(--root "$store/graph" --runroot "$store/run" --storage-driver "$driver")
  buildah "${this_store[@]}" rm --all >/dev/null &&
    buildah "${this_store[@]}" rmi --all --force >/dev/null && "$hello/make-base.sh"
}

leave() {
  # The overlay driver leaves its folder mounted on itself.
  umount "$cache/overlay/graph/overlay" 2>/dev/null || true
}
trap leave EXIT

if ! use_store overlay 2> "$cache/overlay.err"; then
  echo "no overlay mounts here ($(tail -n 1 "$cache/overlay.err")): using the slower vfs" >&2
  use_store vfs
fi

export COOPER_ROOT="$cache/root"
rm -rf "$COOPER_ROOT"
cd "$hello/../.."
"$cooper" builds set --global engine buildah 2>/dev/null  # whose store has the base image

show build examples/hello -a hello -d 'the first build: nothing is cached'
show build examples/hello -a hello --build-args VERSION=1.3.0 -d 'a new version: only the api changed'
show builds -a hello
show builds info last -a hello
show releases -a hello
