#!/usr/bin/env bash
# The example app on a machine that has never built it: with its layers in a registry,
# and without. Each round has an image store of its own, with nothing but the base image;
# the registry is on loopback. Reported, no goal: what it saves depends on what RUN does.
#   bench/registry_cache.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-5}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
if ! command -v docker-registry > /dev/null; then
  echo "skipped: needs docker-registry"
  exit 0
fi
bench_folder
port="${COOPER_BENCH_PORT:-5899}" example="$(dirname "$(readlink -f "$0")")/../examples/hello"
cat > "$folder/registry.yml" <<CONF
version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: $folder/registry
http:
  addr: 127.0.0.1:$port
CONF
docker-registry serve "$folder/registry.yml" > "$folder/registry.log" 2>&1 &
registry=$!
leave() {
  kill "$registry" 2>/dev/null || true
  wait "$registry" 2>/dev/null || true
  bench_leave
}
trap leave EXIT
until (: > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
  kill -0 "$registry" || { cat "$folder/registry.log"; exit 1; }
  sleep 0.1
done

# clean_machine CACHE: neither images nor records, but the base image, the very same.
clean_machine() {
  umount "$folder/store/graph/overlay" 2>/dev/null || true
  rm -rf "$folder/store/graph" "$folder/store/run" "$folder/root"
  buildah pull --quiet --tls-verify=false "$base" > /dev/null
  buildah tag "$base" localhost/hello-base
  "$cooper" builds set --global cache "$1" 2> /dev/null
}
build() { "$cooper" build "$example" -a hello --engine buildah --force; }

bench_store
base="127.0.0.1:$port/base:1"
buildah push --quiet --tls-verify=false localhost/hello-base "docker://$base"

cache="registry:127.0.0.1:$port/hello"
clean_machine "$cache"
seconds build > "$folder/first.time"  # fills the cache
for ((round = 1; round <= rounds; round++)); do
  clean_machine off
  seconds build >> "$folder/without.times"
  clean_machine "$cache"
  seconds build >> "$folder/with.times"
done
printf '%-34s %9.3f s\n' "the first build, which fills it" "$(cat "$folder/first.time")"
compare "clean machine, layers from registry" "$folder/with.times" "clean machine, without" "$folder/without.times"
