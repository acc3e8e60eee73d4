#!/usr/bin/env bash
# What takes the space of a disk: full file systems, the largest folders and files, what a clean-up could remove. Removes nothing.
set -u
path=${PARAM_PATH:-/}
top=${PARAM_TOP:-15}
bounded() { if command -v timeout >/dev/null; then timeout 60 "$@"; else "$@"; fi; }

[ -d "$path" ] || { echo "There is no folder $path."; exit 1; }
echo "== File systems"
df -hP 2>/dev/null | awk 'NR == 1 || $1 ~ /^\// || $6 == "/"'
echo
echo "== Largest folders below $path, of the same file system"
bounded du -xk -d 2 -- "$path" 2>/dev/null | sort -rn | head -n "$top" | awk '{ size = $1; sub(/^[0-9]+[ \t]+/, ""); printf "%8.1f MB  %s\n", size / 1024, $0 }'
echo
echo "== Largest files below $path over 50 MB"
bounded find "$path" -xdev -type f -size +51200k -exec du -k {} + 2>/dev/null | sort -rn | head -n "$top" | awk '{ size = $1; sub(/^[0-9]+[ \t]+/, ""); printf "%8.1f MB  %s\n", size / 1024, $0 }'
echo
echo "== What a clean-up could remove"
for folder in /var/cache/apt/archives /var/cache/dnf /var/cache/yum /var/log /var/tmp /tmp /Library/Caches; do
  [ -d "$folder" ] && bounded du -sk "$folder" 2>/dev/null | awk '{ printf "%8.1f MB  %s\n", $1 / 1024, $2 }'
done
exit 0
