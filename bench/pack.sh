#!/usr/bin/env bash
# Packing a source folder beside `tar czf` and `tar | zstd -T2 -3`. Goals: six
# times as fast as the first, no slower than the second, under 64 MiB of memory
# whatever the tree: 20,000 and 50,000 small files, and 1 GB in 1,000 files.
#   bench/pack.sh BUILD_DIR [ROUNDS]
set -euo pipefail

# On a disk: /tmp may be memory.
folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
trap 'rm -rf "$folder"' EXIT
"$1/bench/pack" "$folder" "${2:-5}"
