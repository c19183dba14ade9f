#!/usr/bin/env bash
# How quickly the tracker answers about many records: process times, medians, page
# cache warm. The same data as for the original plugin's figures, and a million records.
#   bench/tracker.sh BUILD_DIR [ROUNDS] [MILLION_APPS]
# MILLION_APPS (default 10000, 0 leaves that part out) apps have 100 records each.
set -euo pipefail
bin="$1/bench" cooper="$1/bin/cooper" rounds="${2:-50}" apps="${3:-10000}"
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

newest() { "$cooper" builds -a "$1" --limit 1 --format json | awk -F'"' '$2 == "id" { print $4 }'; }

"$bin/process_time" "$rounds" /bin/true

seed many 1000 20
first_index
measure builds --all --status running --status abandoned --limit 0
measure builds --all --limit 50
measure builds -a app-7

seed long 1 10000
first_index
measure builds -a app-0
measure builds info last-failed -a app-0

if [ "$apps" -gt 0 ]; then
  seed million "$apps" 100
  first_index
  measure builds --all --status running --status abandoned --limit 0
  measure builds --all --limit 50
  measure builds -a app-7
  measure builds info "$(newest app-7)" -a app-7
fi
