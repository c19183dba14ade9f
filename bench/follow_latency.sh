#!/usr/bin/env bash
# From the write of a process of the build, through its pipe, capture and the
# service's channel, to a follower's callback. Goal: under 5 ms at the median.
# "end" is from the record's last word to the follower's return, one durable
# write included.
#   bench/follow_latency.sh BUILD_DIR [LINES]
set -euo pipefail

folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
trap 'rm -rf "$folder"' EXIT
"$1/bench/follow_latency" "$folder" "${2:-2000}"
