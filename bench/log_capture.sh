#!/usr/bin/env bash
# Log capture beside `tee -a`: throughput, and CPU time of the capturing process.
# Goals: at least 500 MB/s; CPU at most half of tee's, and no more than tee's
# with 20 secrets to hide. On a busy machine the least of the rounds says more than
# the median: other programs only ever add to it.
#   bench/log_capture.sh BUILD_DIR [MIB [ROUNDS]]
set -euo pipefail

# On a disk: /tmp may be memory.
folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
trap 'rm -rf "$folder"' EXIT
"$1/bench/log_capture" "$folder" "${2:-256}" "${3:-12}"
