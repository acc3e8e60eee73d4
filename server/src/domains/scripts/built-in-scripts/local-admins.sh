#!/usr/bin/env bash
# Who can become an administrator here: accounts with id 0, members of the groups that may, and rules of sudo. Changes nothing.
set -u
echo "== Accounts with user id 0"
awk -F: '$3 == 0 { print $1 }' /etc/passwd
echo
echo "== Members of administrators' groups"
for group in sudo wheel admin; do
  if command -v getent >/dev/null; then
    entry=$(getent group "$group") || continue
    gid=$(printf '%s' "$entry" | cut -d: -f3)
    members=$({ printf '%s' "$entry" | cut -d: -f4 | tr ',' '\n'; awk -F: -v gid="$gid" '$4 == gid { print $1 }' /etc/passwd; } | sed '/^$/d' | sort -u)
  else
    members=$(dscl . -read "/Groups/$group" GroupMembership 2>/dev/null | cut -d: -f2- | tr ' ' '\n' | sed '/^$/d')
    [ -n "$members" ] || continue
  fi
  echo "$group: $(printf '%s' "${members:-nobody}" | tr '\n' ' ')"
done
echo
echo "== Rules of sudo"
rules=$(cat /etc/sudoers /etc/sudoers.d/* 2>/dev/null | sed 's/#.*//' | grep -E '^[^[:space:]]+[[:space:]]+[^=[:space:]]+[[:space:]]*=' | grep -v '^Defaults')
if [ ! -e /etc/sudoers ]; then
  echo "sudo is not set up"
elif [ -r /etc/sudoers ]; then
  echo "${rules:-none}"
else
  echo "can not be read by $(id -un)"
fi
exit 0
