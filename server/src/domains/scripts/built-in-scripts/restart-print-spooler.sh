#!/usr/bin/env bash
# Restarts CUPS, which prints; with clear_queue true it first cancels all print jobs, which can not be brought back.
set -u
if [ "${PARAM_CLEAR_QUEUE:-false}" = true ] && command -v cancel >/dev/null; then
  echo "Jobs that are cancelled:"
  lpstat -o 2>/dev/null
  cancel -a 2>&1
fi
if [ "$(uname -s)" = Darwin ]; then
  launchctl kickstart -k system/org.cups.cupsd || exit 1
elif [ -d /run/systemd/system ]; then
  systemctl cat cups.service >/dev/null 2>&1 || { echo "CUPS is not installed here."; exit 1; }
  systemctl restart cups.service || exit 1
elif [ -x /etc/init.d/cups ]; then
  /etc/init.d/cups restart || exit 1
else
  echo "CUPS is not installed here."
  exit 1
fi
echo "CUPS was restarted."
if command -v lpstat >/dev/null; then lpstat -r; fi
exit 0
