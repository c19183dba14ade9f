#!/usr/bin/env bash
# Services side by side: two that need the processor, built at once and one after
# the other. Goal on 2 cores: serial at least 1.5 times as long.
#   bench/parallel.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-5}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
bench_store

app="$folder/app"
mkdir -p "$app"
{
  echo services:
  for service in one two; do
    mkdir -p "$app/$service"
    # shellcheck disable=SC2016 # the build expands it
    printf 'FROM localhost/hello-base\nRUN i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done; echo %s\n' "$service" \
      > "$app/$service/Dockerfile"
    printf '  %s:\n    build: %s\n' "$service" "$service"
  done
} > "$app/convox.yml"

for ((round = 1; round <= rounds; round++)); do
  seconds "$cooper" build "$app" -a app --no-cache --jobs 1 >> "$folder/serial.times"
  seconds "$cooper" build "$app" -a app --no-cache --jobs 2 >> "$folder/parallel.times"
done
compare "two services, --jobs 1" "$folder/serial.times" "two services, --jobs 2" "$folder/parallel.times"
