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

# many_files FOLDER COUNT: so many files of some 4 KB each, a hundred in a folder.
many_files() {
  awk -v folder="$1" -v count="$2" 'BEGIN {
    for (i = 0; i < 8000; i++) line = line (i % 64 == 63 ? "\n" : sprintf("%c", 97 + (i * i) % 26))
    for (i = 0; i < count; i++) {
      at = folder "/packages/package-" int(i / 100)
      if (i % 100 == 0) system("mkdir -p " at)
      file = at "/file-" i ".js"
      printf "module.exports = %d;\n%s", i, substr(line, 1, (i * 37) % 8000) > file
      close(file)
    }
  }'
}

# COOPER_BENCH_ENGINE=28.5.2: the Docker Engine and the docker command, with its buildx, that
# `./dev setup --with-current-docker` fetched, in place of the host's.
bench_current_docker() {
  local current
  current="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../build/current-docker/$COOPER_BENCH_ENGINE"
  if [ ! -x "$current/usr/bin/docker" ]; then
    echo "Docker Engine $COOPER_BENCH_ENGINE is not here: ./dev setup --with-current-docker" >&2
    exit 1
  fi
  PATH="$current/usr/sbin:$current/usr/bin:$PATH"
  mkdir "$folder/docker-config"
  printf '{"cliPluginsExtraDirs": ["%s/usr/libexec/docker/cli-plugins"]}\n' "$current" > "$folder/docker-config/config.json"
  export DOCKER_CONFIG="$folder/docker-config"
}

# Starts a Docker Engine of our own in $folder, without a network, and points DOCKER_HOST
# to it. False if none can be had.
bench_docker() {
  [ -z "${COOPER_BENCH_ENGINE:-}" ] || bench_current_docker
  if [ "$(id -u)" -ne 0 ] || ! PATH="$PATH:/usr/sbin" command -v dockerd > /dev/null; then return 1; fi
  PATH="$PATH:/usr/sbin" dockerd --data-root "$folder/data" --exec-root "$folder/exec" -H "unix://$folder/sock" \
    --pidfile "$folder/pid" --bridge=none --iptables=false > "$folder/dockerd.log" 2>&1 &
  engine=$!
  trap bench_leave_docker EXIT
  export DOCKER_HOST="unix://$folder/sock" DOCKER_BUILDKIT=1
  until curl -sf --unix-socket "$folder/sock" http://docker/_ping > /dev/null; do
    kill -0 "$engine" || { cat "$folder/dockerd.log"; exit 1; }
    sleep 0.1
  done
}

bench_leave_docker() {
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  bench_leave
}

# The docker command that can build with BuildKit: that of $COOPER_BENCH_ENGINE, else
# $COOPER_BENCH_DOCKER, that in PATH, or Debian's. One without its component buildx can't.
docker_command() {
  local command commands=(${COOPER_BENCH_DOCKER:+"$COOPER_BENCH_DOCKER"} docker /usr/bin/docker)
  [ -z "${COOPER_BENCH_ENGINE:-}" ] || commands=(docker)
  mkdir -p "$folder/empty"
  printf 'FROM scratch\nCOPY Dockerfile /\n' > "$folder/empty/Dockerfile"
  for command in "${commands[@]}"; do
    if "$command" build -q "$folder/empty" > /dev/null 2>&1; then
      echo "$command"
      return
    fi
  done
  return 1
}
