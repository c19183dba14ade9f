#!/usr/bin/env bash
# How quickly `cooper builds info` answers, beside a program that does nothing.
# Goal: under 3 ms of process time (user and system).
#   bench/start.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-200}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
bench_store

mkdir -p "$folder/app"
echo 'FROM localhost/hello-base' > "$folder/app/Dockerfile"
"$cooper" build "$folder/app" -a app > /dev/null
build="$("$cooper" builds -a app | awk 'NR == 2 { print $1 }')"

"$1/bench/process_time" "$rounds" /bin/true
"$1/bench/process_time" "$rounds" "$cooper" builds info "$build" -a app
"$1/bench/process_time" "$rounds" "$cooper" builds -a app
