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
bench_folder
export COOPER_ROOT="$folder/root"
if ! bench_docker || ! docker="$(docker_command)"; then
  echo "skipped: needs root, dockerd and docker"
  exit 0
fi

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
sleep 3  # what was written just now is not remembered

by_docker() {
  for service in web worker api; do
    "$docker" build --network none --tag "localhost/hand:$service" "$app/$service" || return
  done
}
by_cooper() { "$cooper" build "$app" -a app --engine docker --force; }
by_nobody() { "$cooper" build "$app" -a app --engine docker; }

for what in by_docker by_cooper by_nobody; do
  "$what" > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }
done
# By turns each goes first: see overhead.sh.
for ((round = 1; round <= rounds; round++)); do
  order="docker cooper nobody"
  if ((round % 2)); then order="nobody cooper docker"; fi
  for what in $order; do seconds "by_$what" >> "$folder/$what.times"; done
done
"$docker" --version
compare "cooper build, unchanged" "$folder/nobody.times" "3 x docker build" "$folder/docker.times"
compare "cooper build, three services" "$folder/cooper.times" "3 x docker build" "$folder/docker.times"
