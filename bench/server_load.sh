#!/usr/bin/env bash
# How much a server holds, on one processor, with who asks on the other one (with two: on all).
# Goals: 5,000 requests/s for an app's builds where there are 100,000 records; 10,000 followers of
# a log that grows by 1 MB/s, with 99 of 100 pieces there within 250 ms; 16 KiB of memory for each;
# 20 MB idle; ready within 1 s with 1,000,000 records whose index is there.
#   bench/server_load.sh BUILD_DIR [FOLLOWERS] [MILLION_APPS]
# MILLION_APPS (default 10000, 0 leaves that part out) apps have 100 records each.
set -euo pipefail
load="$1/bench/server_load" seed="$1/bench/seed_records" cooper="$(readlink -f "$1/bin/cooper")"
followers="${2:-10000}" million="${3:-10000}" port="${COOPER_BENCH_PORT:-5091}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
export DOCKER_HOST="unix://$folder/no-docker.sock"
ulimit -n "$(ulimit -Hn)"

serve() {
  taskset -c 0 "$cooper" serve --quiet --listen "127.0.0.1:$port" > "$folder/server.log" 2>&1 &
  server=$!
  trap 'kill "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; bench_leave' EXIT
  until curl -sf -o "$folder/ready" "http://127.0.0.1:$port/readyz"; do
    kill -0 "$server" || { cat "$folder/server.log" >&2; exit 1; }
    sleep 0.01
  done
}
end_server() {
  kill "$server"
  wait "$server" || true
  trap bench_leave EXIT
}
client() { taskset -c 1 "$load" "$@"; }
# Memory of the server's own, in KiB: what it shares with other programs is not counted.
memory() { awk '/^(Private_|Swap:)/ { sum += $2 } END { print sum }' "/proc/$server/smaps_rollup"; }

export COOPER_ROOT="$folder/root"
"$seed" "$COOPER_ROOT" 100 1000
sync  # else these records are written to disk while a log is, which waits for them
"$cooper" builds --all --limit 1 > "$folder/index"
app="$("$cooper" apps --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)[1]["name"])')"
serve
echo "idle: $(memory) KiB"
for path in "/apps/$app/builds" "/v1/apps/$app/builds?limit=10"; do
  echo "GET $path, 100,000 records, 32 connections:"
  client requests "$port" "$path" 32 5
  client requests "$port" "$path" 32 5
done

# A build that is followed: what it writes is what the client counts. For as many followers and
# bytes as asked for, by clients that unpack messages; then by others, for a tenth of each.
measure() { # follow|unpack FOLLOWERS BYTES_A_SECOND
  local how="$1"
  shift
  local go="$folder/go" id before after
  rm -f "$go"
  mkfifo "$go"
  "$cooper" track -a load --detach -- sh -c "cat '$go'; exec '$load' write $2 10 '$folder/times'" > "$folder/track" 2>&1
  id="$("$cooper" builds info last -a load --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')"
  before="$(memory)"
  client "$how" "$port" "/apps/load/builds/$id/logs" "$1" "$folder/times" > "$folder/followed" &
  local pid=$!
  until grep -q open "$folder/followed"; do kill -0 "$pid"; sleep 0.1; done
  after="$(memory)"
  printf '%s: %s followers, %s bytes/s, %s KiB each before anything comes\n' "$how" "$1" "$2" \
    "$(awk -v a="$after" -v b="$before" -v n="$1" 'BEGIN { printf "%.1f", (a - b) / n }')"
  echo > "$go"
  wait "$pid"
  tail -n +2 "$folder/followed"
}
"$cooper" apps create load > /dev/null
measure unpack "$followers" 1000000
measure follow $((followers / 10)) 1000000
measure follow "$followers" 100000
end_server

if ((million > 0)); then
  export COOPER_ROOT="$folder/million"
  "$seed" "$COOPER_ROOT" "$million" 100
  "$cooper" builds --all --limit 1 > "$folder/index"
  for _ in 1 2 3; do
    before="$(date +%s%N)"
    serve
    echo "ready with $((million * 100)) records after $((($(date +%s%N) - before) / 1000000)) ms, $(memory) KiB"
    end_server
  done
fi
