#!/usr/bin/env bash
# How quickly the tracker answers about many records: process times, medians and
# least, page cache warm. The same data as for the original plugin's figures, and a
# million records.
#   bench/tracker.sh BUILD_DIR [ROUNDS] [MILLION_APPS]
# MILLION_APPS (default 10000, 0 leaves that part out) apps have 100 records each.
set -euo pipefail
bin="$1/bench" cooper="$(readlink -f "$1/bin/cooper")" rounds="${2:-50}" apps="${3:-10000}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder

# seed NAME APPS RECORDS: makes a data root and has the tools use it.
seed() {
  printf '\n-- %s apps, %s records each\n' "$2" "$3"
  export COOPER_ROOT="$folder/$1"
  "$bin/seed_records" "$COOPER_ROOT" "$2" "$3"
}

# The index, made from nothing.
first_index() {
  rm -rf "$COOPER_ROOT/cache"
  "$bin/process_time" 1 "$cooper" builds --all --limit 1
}

measure() { "$bin/process_time" "$rounds" "$cooper" "$@"; }

# The questions of Dokku's plugin about all apps, and about one.
measure_all() {
  measure builds:list
  measure builds:report
  measure builds:prune --all-apps
  measure builds --all --limit 50
}
measure_one() {
  measure builds:list "$1"
  measure builds:report "$1"
  measure builds info "$(newest "$1")" -a "$1"
}

# A deploy that the plugin records: both triggers, durable, in an app with 20 builds.
measure_deploy() {
  "$cooper" plugin install --dir "$folder/plugin" > /dev/null
  cat > "$folder/deploy" <<'DEPLOY'
#!/bin/sh
read -r number < "$2/number"
echo $((number + 1)) > "$2/number"
"$2/plugin/builds-record-start" "$1" "deploy$number" $$ git-hook
exec "$2/plugin/builds-record-finalize" "$1" "deploy$number" 0
DEPLOY
  chmod +x "$folder/deploy"
  echo 1 > "$folder/number"
  DOKKU_LIB_ROOT="$COOPER_ROOT" DOKKU_ROOT="$COOPER_ROOT/data/apps" \
    "$bin/process_time" "$rounds" "$folder/deploy" "$1" "$folder"
}

newest() { "$cooper" builds -a "$1" --limit 1 --format json | awk -F'"' '$2 == "id" { print $4 }'; }

"$bin/process_time" "$rounds" /bin/true

seed many 1000 20
first_index
"$cooper" builds:prune --all-apps  # what the seed left abandoned
measure_all
measure_one app-7
measure_deploy app-7

seed long 1 10000
first_index
measure_one app-0

if [ "$apps" -gt 0 ]; then
  seed million "$apps" 100
  first_index
  measure builds:list
  measure builds --all --limit 50
  measure_one app-7
fi
