#!/usr/bin/env bash
# What sending a source to BuildKit costs the client: 1 GB in 1,000 files, and
# 50,000 small files. Goal: under 64 MiB of memory. The peak is that of all lines
# so far of a tree.
#   bench/file_sync.sh BUILD_DIR
set -euo pipefail

# On a disk: /tmp may be memory.
folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/large"
head -c 1000000 /dev/urandom > "$folder/megabyte"
for i in $(seq 1000); do cp "$folder/megabyte" "$folder/large/$i"; done
echo "1 GB in 1,000 files"
"$1/bench/file_sync" "$folder/large"
rm -r "$folder/large"
for package in $(seq 100); do
  mkdir -p "$folder/many/package-$package"
  (cd "$folder/many/package-$package" && head -c 430000 "$folder/megabyte" | split -b 860 -a 3 - file-)
done
echo "50,000 files"
"$1/bench/file_sync" "$folder/many"
