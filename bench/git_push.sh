#!/usr/bin/env bash
# How soon the build of a git push runs: from the moment git has the objects (its hook starts) to the
# `started_at` of the build's record, for repositories of 50 MB: 12,500 files of text, and 50 files that
# can't be compressed. Goal: 300 ms.
#   bench/git_push.sh BUILD_DIR [ROUNDS]
set -euo pipefail
cooper="$(readlink -f "$1/bin/cooper")" rounds="${2:-15}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
export COOPER_ROOT="$folder/root" DOCKER_HOST="unix://$folder/no-docker.sock"
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@example.com
export GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@example.com

# A build that runs and fails at once: the push is rejected, and the next round begins where this one did.
dockerfile() { printf 'NO SUCH INSTRUCTION\n' > "$1/Dockerfile"; }

mkdir -p "$folder/text" "$folder/random"
many_files "$folder/text" 12500
for number in $(seq 50); do head -c 1048576 /dev/urandom > "$folder/random/$number"; done

measure() { # NAME
  local name="$1" round repository record
  dockerfile "$folder/$name"
  git -C "$folder/$name" init -q -b main
  git -C "$folder/$name" add -A
  git -C "$folder/$name" commit -qm "The $name"
  "$cooper" git:initialize "$name" > /dev/null 2>&1
  repository="$folder/root/data/git/$name.git"
  sed -i "2i date +%s%N > '$folder/begin'" "$repository/hooks/pre-receive"
  for ((round = 1; round <= rounds; round++)); do
    if git -C "$folder/$name" push "$repository" main > "$folder/output" 2>&1; then
      echo "the build of $name did not fail"
      return 1
    fi
    record="$(printf '%s\n' "$folder/root/data/builds/$name/"*.json | sort | tail -n 1)"
    awk -v begin="$(cat "$folder/begin")" -v end="$(date -d "$(sed -n 's/.*"started_at": "\(.*\)".*/\1/p' "$record")" +%s%N)" \
      'BEGIN { printf "%.4f\n", (end - begin) / 1e9 }' >> "$folder/$name.times"
  done
  printf '%-8s %9.3f s (median of %d, least %.3f s)\n' "$name" "$(median "$folder/$name.times")" "$rounds" \
    "$(sort -n "$folder/$name.times" | head -n 1)"
}

printf 'from the end of the transfer to the running build\n'
measure text
measure random
