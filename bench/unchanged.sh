#!/usr/bin/env bash
# How long it takes to see that a service of 10,000 files did not change, with a
# warm stat cache. Goal: 50 ms.
#   bench/unchanged.sh BUILD_DIR [ROUNDS]
set -euo pipefail

# On a disk: /tmp may be memory.
folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
trap 'rm -rf "$folder"' EXIT
"$1/bench/unchanged" "$folder" "${2:-15}"
