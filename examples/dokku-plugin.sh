#!/usr/bin/env bash
# Installs cooper as Dokku's plugin `builds` into a scratch folder and walks its
# commands and triggers, as Dokku calls them. Needs no Dokku. Uses $COOPER
# (default: cooper in PATH).
set -euo pipefail

cooper="${COOPER:-cooper}"
scratch="$(mktemp -d)"
deploy=''
leave() {
  if [ -n "$deploy" ]; then kill -9 "$deploy" 2>/dev/null || true; fi
  rm -rf "$scratch"
}
trap leave EXIT

export DOKKU_LIB_ROOT="$scratch/lib" DOKKU_ROOT="$scratch/home" PLUGIN_PATH="$scratch/plugins"
export DOKKU_NOT_IMPLEMENTED_EXIT=10
mkdir -p "$DOKKU_LIB_ROOT" "$DOKKU_ROOT/shop" "$DOKKU_ROOT/blog"

# Dokku's own part, in three lines: `dokku builds:NAME` and `plugn trigger NAME`.
plugin="$PLUGIN_PATH/available/cooper-builds"
dokku() { "$plugin/subcommands/${1#builds:}" "$@"; }
trigger() { "$plugin/$1" "${@:2}"; }

# Prints a command as a person would type it, runs it, and says if it failed.
show() {
  printf '\n$ %s\n' "$*"
  "$@" || echo "(exit code $?)"
}

printf '$ cooper plugin install\n'
"$cooper" plugin install 2>/dev/null
show trigger install
show dokku builds:help

# A deploy as Dokku records it: an id, a log, start, output, finalize.
record() { # APP SOURCE EXIT_CODE
  local id log
  id="$(trigger builds-generate-id)"
  mkdir -p "$DOKKU_LIB_ROOT/data/builds/$1"
  log="$DOKKU_LIB_ROOT/data/builds/$1/$id.log"
  printf -- '-----> Building %s\n' "$1" > "$log"
  trigger builds-record-start "$1" "$id" $$ "$2"
  printf '       done, exit code %s\n' "$3" >> "$log"
  trigger builds-record-finalize "$1" "$id" "$3"
  last="$id"
}
record shop git-hook 0
record shop ps:rebuild 1
record blog git:sync 0

set -m  # a process group of its own, as every deploy has
sleep 1000 &
deploy=$!
set +m
disown
running="$(trigger builds-generate-id)"
trigger builds-record-start shop "$running" "$deploy" ps:restart

show dokku builds:list
show dokku builds:list shop
show dokku builds:list shop --status failed --format json
show dokku builds:info blog "$last"
show dokku builds:output blog "$last"
show dokku builds:info shop ../blog/x
show dokku builds:set shop retention 1
show dokku builds:cancel shop
show dokku builds:prune shop
show dokku builds:report shop
show trigger post-app-rename-setup shop store
mv "$DOKKU_ROOT/shop" "$DOKKU_ROOT/store"
show dokku builds:list store
show trigger post-delete blog
