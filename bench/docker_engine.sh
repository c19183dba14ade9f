#!/usr/bin/env bash
# A fully cached build of three services in a Docker Engine: `cooper build` beside
# the docker command making the same three images one after the other. Goal: at
# most 0.6 times as long. Then the same without --force: nothing changed, so nothing is
# built; goal: 150 ms. The engine is one of its own, without a network.
#   bench/docker_engine.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-21}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
if [ "$(id -u)" -ne 0 ] || ! PATH="$PATH:/usr/sbin" command -v dockerd docker > /dev/null; then
  echo "skipped: needs root, dockerd and docker"
  exit 0
fi
bench_folder

PATH="$PATH:/usr/sbin" dockerd --data-root "$folder/data" --exec-root "$folder/exec" -H "unix://$folder/sock" \
  --pidfile "$folder/pid" --bridge=none --iptables=false > "$folder/dockerd.log" 2>&1 &
engine=$!
leave() {
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  bench_leave
}
trap leave EXIT
export DOCKER_HOST="unix://$folder/sock" DOCKER_BUILDKIT=1 COOPER_ROOT="$folder/root"
until docker version > /dev/null 2>&1; do sleep 0.1; done

app="$folder/app"
mkdir -p "$app"
{
  echo services:
  for service in web worker api; do
    mkdir -p "$app/$service"
    cp "$(command -v busybox)" "$app/$service/busybox"
    cat > "$app/$service/Dockerfile" <<DOCKERFILE
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "/$service"]
COPY Dockerfile /$service/
RUN ["/bin/busybox", "echo", "$service"]
DOCKERFILE
    printf '  %s:\n    build: %s\n' "$service" "$service"
  done
} > "$app/convox.yml"

by_docker() {
  for service in web worker api; do
    docker build --network none --tag "localhost/hand:$service" "$app/$service" || return
  done
}
by_cooper() { "$cooper" build "$app" -a app --engine docker --force; }
by_nobody() { "$cooper" build "$app" -a app --engine docker; }

by_docker > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }
by_cooper > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }
measure_docker() { seconds by_docker >> "$folder/docker.times"; }
measure_cooper() { seconds by_cooper >> "$folder/cooper.times"; }
for ((round = 1; round <= rounds; round++)); do
  if ((round % 2)); then
    measure_docker
    measure_cooper
  else
    measure_cooper
    measure_docker
  fi
done
for ((round = 1; round <= rounds; round++)); do
  seconds by_nobody >> "$folder/unchanged.times"
done
compare "cooper build, unchanged" "$folder/unchanged.times" "3 x docker build" "$folder/docker.times"
compare "cooper build, three services" "$folder/cooper.times" "3 x docker build" "$folder/docker.times"
