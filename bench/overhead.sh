#!/usr/bin/env bash
# What cooper costs over buildah by hand: three services, everything cached, one
# after the other, against the same three `buildah build` commands in a script.
# Goal: ratio at most 1.10. The same commands bear a label that tells the build, which
# makes an image; without labels there is only an old one to name.
#   bench/overhead.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-15}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
bench_store

app="$folder/app"
mkdir -p "$app"
{
  echo services:
  for service in web worker api; do
    mkdir -p "$app/$service"
    printf 'FROM localhost/hello-base\nCOPY . /app\nRUN echo made %s > /made\nRUN ls /app\nCMD ["sh"]\n' "$service" \
      > "$app/$service/Dockerfile"
    head -c 20000 /dev/urandom > "$app/$service/data"
    printf '  %s:\n    build: %s\n' "$service" "$service"
  done
} > "$app/convox.yml"

by_cooper() { "$cooper" build "$app" -a app --jobs 1 --force; }
# As a person would write it. by_hand ROUND [OPTION...]
by_hand() {
  local round="$1" service
  shift
  for service in web worker api; do
    buildah build --layers --format docker --network host --isolation chroot "$@" \
      --tag "localhost/hand:$service.$round" "$app/$service" || return
  done
}

by_cooper > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }
by_hand 0 > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }

measure_by_hand() {
  seconds by_hand "$1" --label "build=$1" >> "$folder/hand.times"
  seconds by_hand "$1" >> "$folder/bare.times"
}
measure_cooper() { seconds by_cooper >> "$folder/cooper.times"; }
# By turns the one and the other goes first: what a neighbour leaves in the page
# cache, or in the disk's queue, must not favour one of them.
for ((round = 1; round <= rounds; round++)); do
  if ((round % 2)); then
    measure_by_hand "$round"
    measure_cooper
  else
    measure_cooper
    measure_by_hand "$round"
  fi
done
compare "cooper build --jobs 1" "$folder/cooper.times" "3 x buildah build" "$folder/hand.times"
compare "cooper build --jobs 1" "$folder/cooper.times" "3 x buildah build, no label" "$folder/bare.times"
