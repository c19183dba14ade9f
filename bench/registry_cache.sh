#!/usr/bin/env bash
# Apps on a machine that has never built them: with their layers in a registry, and
# without. Each round has an image store of its own, with nothing but the base image; the
# registry is on loopback. Reported, no goal: what it saves depends on what RUN does. In
# the example app that is next to nothing; in the other app it is some seconds of work.
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
bench_store
base="127.0.0.1:$port/base:1"
buildah push --quiet --tls-verify=false localhost/hello-base "docker://$base"


mkdir "$folder/work"
cat > "$folder/work/Dockerfile" <<'DOCKERFILE'
FROM localhost/hello-base
WORKDIR /work
COPY Dockerfile .
RUN for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero bs=1M count=96 2>/dev/null | sha256sum; done > sums
DOCKERFILE

# measure NAME FOLDER
measure() {
  local name="$1" source="$2" round
  build() { "$cooper" build "$source" -a "$name" --engine buildah --force; }
  cache="registry:127.0.0.1:$port/$name"
  clean_machine "$cache"
  seconds build > "$folder/$name.first"  # fills the cache
  for ((round = 1; round <= rounds; round++)); do
    clean_machine off
    seconds build >> "$folder/$name.without"
    clean_machine "$cache"
    seconds build >> "$folder/$name.with"
  done
  printf '%-34s %9.3f s\n' "$name, the first, fills the cache" "$(cat "$folder/$name.first")"
  compare "$name, layers from registry" "$folder/$name.with" "$name, without" "$folder/$name.without"
}
measure hello "$example"
measure work "$folder/work"
