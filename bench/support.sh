# shellcheck shell=bash
# What the benchmark scripts share; sourced. A bench script gets BUILD_DIR as $1.

# A folder on a disk (/tmp may be memory), removed at the end with what is mounted in it.
bench_folder() {
  folder="$(mktemp -d "${COOPER_BENCH_DIR:-/var/tmp}/cooper-bench-XXXXXX")"
  trap bench_leave EXIT
}

bench_leave() {
  umount "$folder/store/graph/overlay" 2>/dev/null || true
  rm -rf "$folder"
}

# An image store with the example's base image, and a data root, both in $folder.
bench_store() {
  local examples
  examples="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../examples"
  mkdir -p "$folder/store"
  cat > "$folder/store/storage.conf" <<CONF
[storage]
driver = "${COOPER_BENCH_DRIVER:-overlay}"
graphroot = "$folder/store/graph"
runroot = "$folder/store/run"
CONF
  export CONTAINERS_STORAGE_CONF="$folder/store/storage.conf"
  export COOPER_ROOT="$folder/root"
  export DOCKER_HOST="unix://$folder/no-docker.sock"  # a Docker Engine would be preferred
  "$examples/hello/make-base.sh" > /dev/null
}

# seconds COMMAND...: runs it and prints how long it took; its output goes to $folder/output.
seconds() {
  local before after
  before="$(date +%s%N)"
  "$@" > "$folder/output" 2>&1 || { cat "$folder/output" >&2; return 1; }
  after="$(date +%s%N)"
  awk -v ns="$((after - before))" 'BEGIN { printf "%.4f\n", ns / 1e9 }'
}

# median FILE: of its numbers, one a line.
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# compare NAME FILE BASE_NAME BASE_FILE: the medians and their ratio.
compare() {
  awk -v name="$1" -v a="$(median "$2")" -v base="$3" -v b="$(median "$4")" -v n="$(wc -l < "$2")" 'BEGIN {
    printf "%-34s %9.3f s\n%-34s %9.3f s\nratio of the medians of %d rounds: %.3f\n", name, a, base, b, n, a / b }'
}
