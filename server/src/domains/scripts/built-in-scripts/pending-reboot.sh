#!/usr/bin/env bash
# Whether this system waits for a restart, and why. Ends with 0 either way; with 3 where fail_when_pending is true and it does.
set -u
reasons=()
if [ -e /var/run/reboot-required ]; then
  reasons+=("the package manager asks for it")
  if [ -r /var/run/reboot-required.pkgs ]; then reasons+=("because of: $(sort -u /var/run/reboot-required.pkgs | tr '\n' ' ')"); fi
fi
if command -v needs-restarting >/dev/null && ! needs-restarting -r >/dev/null 2>&1; then reasons+=("needs-restarting asks for it"); fi
running=$(uname -r)
# Of the same kind as the running one: cloud and generic kernels are no newer versions of each other.
kind=${running##*-}
newest=$(ls -1 /boot 2>/dev/null | sed -n "s/^vmlinuz-\(.*-${kind}\)\$/\1/p" | sort -V | tail -n 1)
if [ -n "$newest" ] && [ "$newest" != "$running" ]; then reasons+=("kernel $newest is installed, $running runs"); fi

uptime_seconds=$(cut -d. -f1 /proc/uptime)
echo "Up for $((uptime_seconds / 86400)) days and $((uptime_seconds % 86400 / 3600)) hours."
if [ ${#reasons[@]} -eq 0 ]; then echo "No restart is pending."; exit 0; fi
echo "A restart is pending:"
printf -- '- %s\n' "${reasons[@]}"
[ "${PARAM_FAIL_WHEN_PENDING:-false}" = true ] && exit 3
exit 0
