#!/usr/bin/env bash
# `cooper builds search` beside `grep -rFn`, over 1,000 logs of 1 MiB (or LOGS),
# page cache warm: a text that one log holds, a text with common letters that
# none holds, and the first again without regard to case.
#   bench/search.sh BUILD_DIR [ROUNDS] [LOGS]
set -euo pipefail

# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
cooper="$1/bin/cooper"
rounds="${2:-7}"
logs="${3:-1000}"
# shellcheck disable=SC2154 # support.sh sets it
export COOPER_ROOT="$folder/root"

# Lines as builds print them, 1 MiB.
awk 'BEGIN { srand(7); size = 0
  while (size < 1048576) {
    line = sprintf("web | #%d [build %d/9] npm install: added package-%d@%d.%d.%d in %dms", ++n, n % 9 + 1,
                   rand() * 9999, rand() * 20, rand() * 50, rand() * 99, rand() * 900)
    print line; size += length(line) + 1
  } }' > "$folder/log"
for ((i = 0; i < logs; ++i)); do
  app="app$((i % 10))" id="b$i"
  builds="$COOPER_ROOT/data/builds/$app"
  if [ ! -d "$builds" ]; then
    "$cooper" apps create "$app" > /dev/null
    mkdir -p "$builds"
  fi
  cp "$folder/log" "$builds/$id.log"
  printf '{"id":"%s","app":"%s","kind":"build","pid":0,"started_at":"2026-01-01T00:00:00Z","finished_at":"2026-01-01T00:00:01Z","status":"succeeded","source":"build","exit_code":0}' \
    "$id" "$app" > "$builds/$id.json"
done
echo "npm ERR! ENOSPC: no space left on device" >> "$COOPER_ROOT/data/builds/app0/b0.log"
cat "$COOPER_ROOT"/data/builds/*/*.log > /dev/null
"$cooper" builds search warm-up > /dev/null || true

# no_hit COMMAND...: exit code 1 is the right answer.
no_hit() { ! "$@"; }

for ((round = 0; round < rounds; ++round)); do
  seconds "$cooper" builds search "ENOSPC: no space" >> "$folder/cooper"
  seconds grep -rFn "ENOSPC: no space" "$COOPER_ROOT/data/builds" >> "$folder/grep"
  seconds no_hit "$cooper" builds search "installed nothing" >> "$folder/cooper-none"
  seconds no_hit grep -rFn "installed nothing" "$COOPER_ROOT/data/builds" >> "$folder/grep-none"
  seconds "$cooper" builds search -i "enospc: no space" >> "$folder/cooper-case"
  seconds grep -rFni "enospc: no space" "$COOPER_ROOT/data/builds" >> "$folder/grep-case"
done
compare "cooper builds search, one hit" "$folder/cooper" "grep -rFn" "$folder/grep"
compare "cooper builds search, none" "$folder/cooper-none" "grep -rFn" "$folder/grep-none"
compare "cooper builds search -i, one hit" "$folder/cooper-case" "grep -rFni" "$folder/grep-case"
awk -v s="$(median "$folder/cooper")" -v n="$logs" 'BEGIN { printf "%.2f GiB/s\n", n / 1024 / s }'
