#!/usr/bin/env bash
# A build of 500 MB leaves a Docker Engine as a file, and comes back: `cooper builds export` and
# `import` in both formats, beside `docker save | gzip` and `docker load`. Goals: a third of the
# time, at most 64 MiB of memory. The engine is one of its own, without a network.
#   bench/bundle.sh BUILD_DIR [ROUNDS] [MEGABYTES]
set -euo pipefail
cooper="$1/bin/cooper" rounds="${2:-5}" megabytes="${3:-500}"
# shellcheck source=support.sh
source "$(dirname "$0")/support.sh"
bench_folder
export COOPER_ROOT="$folder/root"
if ! bench_docker || ! docker="$(docker_command)"; then
  echo "skipped: needs root, dockerd and docker"
  exit 0
fi

# Programs and libraries, as images hold them: in three layers of two services.
app="$folder/app"
mkdir -p "$app"
tar -cf "$folder/all" -C / usr/bin usr/lib 2> /dev/null || true
part=$((megabytes * 1048576 / 3))
for i in 0 1 2; do
  tail -c +$((i * part + 1)) "$folder/all" | head -c "$part" > "$app/part$i" || true
done
rm "$folder/all"
printf 'FROM scratch\nCOPY part0 part1 /\nCOPY part2 /\n' > "$app/Dockerfile"
printf 'services:\n  web:\n    build: .\n' > "$app/convox.yml"
"$cooper" build "$app" -a app --engine docker > "$folder/first"
id="$(awk '$1 == "Build:" { print $2 }' "$folder/first")"
image="localhost/app:web.$id"

save_docker() { "$docker" save "$image" | gzip > "$folder/docker.gz"; }
save_convox() { "$cooper" builds export "$id" -a app -f "$folder/convox.tgz"; }
save_oci() { "$cooper" builds export "$id" -a app --format oci -f "$folder/oci.tar.zst"; }
load_docker() { "$docker" load < "$folder/docker.gz"; }
load_plain() { "$docker" load < "$folder/docker.tar"; }  # the engine's own part: nothing to decompress
load_convox() { "$cooper" builds import -a copy -f "$folder/convox.tgz"; }
load_oci() { "$cooper" builds import -a copy -f "$folder/oci.tar.zst"; }

for ((round = 1; round <= rounds; round++)); do
  order="docker convox oci"
  if ((round % 2)); then order="oci convox docker"; fi
  for what in $order; do seconds "save_$what" >> "$folder/save_$what.times"; done
done
# An engine that has an image, or its layers in its build cache, takes no file's: neither is there
# before each of these.
forget_images() {
  "$docker" rmi "$image" > /dev/null 2>&1 || true
  "$cooper" apps delete copy > /dev/null 2>&1 || true
  "$docker" builder prune -af > /dev/null
}
"$cooper" apps delete app > /dev/null
forget_images
gunzip < "$folder/docker.gz" > "$folder/docker.tar"
for ((round = 1; round <= rounds; round++)); do
  order="docker plain convox oci"
  if ((round % 2)); then order="oci convox plain docker"; fi
  for what in $order; do
    seconds "load_$what" >> "$folder/load_$what.times"
    forget_images
  done
done

# memory COMMAND...: its largest resident set, in MiB.
memory() {
  python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))' "$@"
}

"$docker" --version
for file in docker.gz convox.tgz oci.tar.zst; do
  printf '%-34s %9s bytes\n' "$file" "$(wc -c < "$folder/$file")"
done
compare "export" "$folder/save_convox.times" "docker save | gzip" "$folder/save_docker.times"
compare "export --format oci" "$folder/save_oci.times" "docker save | gzip" "$folder/save_docker.times"
compare "import" "$folder/load_convox.times" "docker load" "$folder/load_docker.times"
compare "import, oci" "$folder/load_oci.times" "docker load" "$folder/load_docker.times"
compare "import, oci" "$folder/load_oci.times" "docker load, not compressed" "$folder/load_plain.times"
printf 'memory: import %s MiB, ' "$(memory "$cooper" builds import -a copy -f "$folder/convox.tgz")"
printf 'import, oci %s MiB, ' "$(memory "$cooper" builds import -a copy -f "$folder/oci.tar.zst")"
printf 'export %s MiB, ' "$(memory "$cooper" builds export last -a copy -f "$folder/convox.tgz")"
printf 'export, oci %s MiB\n' "$(memory "$cooper" builds export last -a copy --format oci -f "$folder/oci.tar.zst")"
