#!/usr/bin/env bash
# One changed file among 50,000: `cooper build` beside the docker command, in a Docker
# Engine of its own. Goals: at most 0.5 times as long, and at most 1 MB sent to the
# engine. For a Dockerfile that copies one package of 500, and for one that copies all.
# Bytes are counted in a round of their own, by a proxy before the engine's socket.
#   bench/one_changed.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-7}"
here="$(dirname "$(readlink -f "$0")")"
# shellcheck source=support.sh
source "$here/support.sh"
bench_folder
export COOPER_ROOT="$folder/root"
if ! bench_docker || ! docker="$(docker_command)"; then
  echo "skipped: needs root, dockerd and docker"
  exit 0
fi

for app in part all; do
  mkdir -p "$folder/$app"
  many_files "$folder/$app" 50000
  cp "$(command -v busybox)" "$folder/$app/busybox"
  {
    printf 'FROM scratch\nCOPY busybox /bin/busybox\n'
    if [ "$app" = part ]; then echo 'COPY packages/package-7 /app'; else echo 'COPY . /app'; fi
    echo 'RUN ["/bin/busybox", "ls", "/app"]'
  } > "$folder/$app/Dockerfile"
done
sleep 3  # what was written just now is not remembered

change() { echo "// $RANDOM $RANDOM" >> "$folder/$1/packages/package-7/file-700.js"; }
by_docker() { "$docker" build --network none --tag "localhost/hand:$1" "$folder/$1"; }
# What the command does when nobody asks it for BuildKit, before its version 23.
by_classic() { DOCKER_BUILDKIT=0 "$docker" build --network none --tag "localhost/classic:$1" "$folder/$1"; }
by_cooper() { "$cooper" build "$folder/$1" -a "$1" --engine docker; }
bytes_sent() { # COMMAND APP
  local proxy
  python3 "$here/count_bytes.py" "$folder/sock" "$folder/proxy" > "$folder/bytes" &
  proxy=$!
  until [ -S "$folder/proxy" ]; do sleep 0.05; done
  DOCKER_HOST="unix://$folder/proxy" "$1" "$2" > "$folder/output" 2>&1
  kill "$proxy"
  wait "$proxy"
  rm "$folder/proxy"
  cat "$folder/bytes"
}

"$docker" --version
for app in part all; do
  for what in docker classic cooper; do
    "by_$what" "$app" > "$folder/first" 2>&1 || { cat "$folder/first"; exit 1; }
  done
  for ((round = 1; round <= rounds; round++)); do
    order="docker classic cooper"
    if ((round % 2)); then order="cooper classic docker"; fi
    for what in $order; do
      change "$app"
      seconds "by_$what" "$app" >> "$folder/$app.$what"
    done
  done
  compare "cooper build, one changed, $app" "$folder/$app.cooper" "docker build" "$folder/$app.docker"
  compare "cooper build, one changed, $app" "$folder/$app.cooper" "docker build, no BuildKit" "$folder/$app.classic"
  for what in cooper docker classic; do
    change "$app"
    echo "$what sent $(bytes_sent "by_$what" "$app") bytes"
  done
done
