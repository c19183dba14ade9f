#!/bin/sh
# Makes localhost/hello-base, a base image of one static busybox with all its
# tools, from the host's own: no network. Does nothing when the image is there.
# Uses the image store that buildah uses (CONTAINERS_STORAGE_CONF selects it).
set -eu

image=localhost/hello-base
busybox=/bin/busybox

if buildah inspect --type image "$image" >/dev/null 2>&1; then
  echo "$image is there"
  exit 0
fi
if ! [ -x "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
  echo "make-base: $busybox is missing or not static: install busybox-static" >&2
  exit 1
fi

folder="$(mktemp -d)"
container=
clean_up() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

tree="$folder/tree"
mkdir -p "$tree/bin" "$tree/etc" "$tree/tmp" "$tree/var/www" "$tree/root"
chmod 1777 "$tree/tmp"
cp "$busybox" "$tree/bin/busybox"
for tool in $("$busybox" --list); do
  [ "$tool" = busybox ] || ln -s busybox "$tree/bin/$tool"
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$tree/etc/passwd"
echo 'root:x:0:' > "$tree/etc/group"

container="$(buildah from scratch)"
buildah copy --quiet "$container" "$tree" / >/dev/null
buildah config --env PATH=/bin --cmd /bin/sh --workingdir / "$container"
buildah commit --quiet --timestamp 0 "$container" "$image" >/dev/null
echo "$image made from $busybox"
