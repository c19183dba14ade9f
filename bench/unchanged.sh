#!/usr/bin/env bash
# Builds of what did not change. First how long it takes to see that of a service of
# 10,000 files, stat cache warm (goal: 50 ms); then the whole `cooper build` of three
# small services, and of one with 10,000 and with 50,000 files (goal for the three
# services: 150 ms). With a Docker Engine of its own and with buildah, as far as they
# are here; the goals of engines are those of BuildKit.
#   bench/unchanged.sh BUILD_DIR [ROUNDS]
set -euo pipefail
build="$1" cooper="$1/bin/cooper" rounds="${2:-15}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
mkdir "$folder/decision"
"$build/bench/unchanged" "$folder/decision" "$rounds"
rm -r "$folder/decision"

busybox="$(command -v busybox)"
service() { # FOLDER
  mkdir -p "$1"
  cp "$busybox" "$1/busybox"
  echo "$1" > "$1/name"
  printf 'FROM scratch\nCOPY busybox Dockerfile /\n' > "$1/Dockerfile"
}
for name in web worker api; do service "$folder/three/$name"; done
printf 'services:\n  web: {build: web}\n  worker: {build: worker}\n  api: {build: api}\n' > "$folder/three/convox.yml"
for count in 10000 50000; do
  service "$folder/files$count"
  many_files "$folder/files$count" "$count"
done
sleep 3  # what was written just now is not remembered

measure() { # ENGINE
  local app round
  for app in three files10000 files50000; do
    build_it() { "$cooper" build "$folder/$app" -a "$app" --engine "$1"; }
    build_it "$1" > "$folder/first" 2>&1 || { cat "$folder/first"; return 1; }
    build_it "$1" > "$folder/first" 2>&1
    grep -q Unchanged "$folder/first" || { cat "$folder/first"; return 1; }
    for ((round = 1; round <= rounds; round++)); do seconds build_it "$1" >> "$folder/$1.$app"; done
    printf '%-8s %-12s %9.3f s (median of %d, least %.3f s)\n' "$1" "$app" "$(median "$folder/$1.$app")" "$rounds" \
      "$(sort -n "$folder/$1.$app" | head -1)"
  done
}
export COOPER_ROOT="$folder/docker-root"
if bench_docker; then measure docker; else echo "docker: skipped: needs root and dockerd"; fi
if command -v buildah > /dev/null; then
  bench_store
  measure buildah
fi
